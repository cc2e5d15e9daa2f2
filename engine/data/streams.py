"""Records of a data file, one at a time: JSON lists of any size, JSONL, either in gzip, parquet, folders of APPS.

A record that cannot be read is set aside with its place and the reason, and the reader goes on with the next one. Only
a file that cannot be read at all, or that ends in the middle of a record, is an error.

Memory stays below 100 MB, whatever the size of the file: values are decoded one field of a record at a time, and a
long list (the tests of a task) one string at a time, with those left out that would take too much. ijson with its C
backend is about as fast, but it turns lone surrogates into question marks without a word, and ends at the first broken
record.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import DataError, EnvironmentError_
from engine.machine.extras import install_extra
from engine.problems.json_buffer import JsonBuffer, Undecodable

CHUNK_BYTES = 4_000_000
LONGEST_VALUE = 256_000_000
"""Characters of one value, or of one line of JSONL: more is set aside."""

LONGEST_ITEM, LIST_BUDGET = 1_000_000, 32_000_000
"""Characters of one string, and of all strings, that are kept of a list longer than SHORT_LIST."""

SHORT_LIST = 65_536
"""Characters up to which a list is decoded at once."""

GZIP_RATIO, GZIP_FREE = 200, 64_000_000
"""Growth at which gzip is taken for a bomb, once it has given GZIP_FREE bytes; text of tests grows 3- to 30-fold."""

_STRUCTURE = re.compile(r'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]])', re.DOTALL)
_DECODE = json.JSONDecoder().raw_decode
_NESTING = {"{": 1, "[": 1, "}": -1, "]": -1}
_ROWS = 8  # of parquet at a time: rows of LiveBench take 2 MB


@dataclass(frozen=True, slots=True)
class Row:
    """Record of a file. index: from 0. line: where it begins, from 1; 0 where a file has no lines."""

    index: int
    line: int
    value: object


@dataclass(frozen=True, slots=True)
class BadRow:
    """Record that was set aside, with its place as in Row."""

    index: int
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unread:
    """Stand-in for a string that was left out of a list, with its number of characters."""

    size: int


def read_rows(path: Path) -> Iterator[Row | BadRow]:
    """Yield the records of a file in order; `.jsonl` by lines, `.json` as a list or as objects one after another.

    Both may be in gzip (`.gz`). `.parquet` needs pyarrow. A folder is one of APPS, with a folder for each task.

    Raises:
        DataError: the file does not exist, cannot be read, is of another kind, is cut short or is a bomb.
        EnvironmentError_: pyarrow is not installed.
    """
    names = [suffix.lower() for suffix in path.suffixes]
    zipped = names[-1:] == [".gz"]
    kind = "".join(names[-2:-1] if zipped else names[-1:])
    try:
        if path.is_dir():
            yield from _folder_rows(path)
        elif kind == ".parquet" and not zipped:
            yield from _parquet_rows(path)
        elif kind in (".json", ".jsonl"):
            with path.open("rb") as file:
                plain = io.BufferedReader(_Gunzipped(file, path), 1_000_000) if zipped else file
                by_lines = kind == ".jsonl" and not plain.peek(1000).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
                yield from _line_rows(plain, path) if by_lines else _json_rows(plain, path)
        else:
            raise DataError(f"{path} is no data file by its name", "name it .json, .jsonl, .json.gz or .parquet")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", "check the path") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as fault:
        raise DataError(f"{path} is corrupt or cut short: {fault}", "copy or fetch it again") from None
    except OSError as fault:
        raise DataError(f"{path} cannot be read: {fault.strerror or fault}", "give a file that can be read") from None


class _Broken(Exception):
    """Value that is no JSON, or too large."""


class _CutShort(Exception):
    """End of the file where a value should go on."""


class _Text(JsonBuffer):
    """JSON text read piece by piece. depth: open brackets of the record under way. not_utf8: some bytes were not."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file.read, self._decoded_bytes, CHUNK_BYTES)
        self._characters = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self.depth = 0
        self.not_utf8 = False

    def _decoded_bytes(self, data: bytes, final: bool, /) -> str:
        text = self._characters(data, final)
        if not self.not_utf8 and not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                self.not_utf8 = True
        return text

    def line(self) -> int:
        """Return the number of the line at the read position, from 1."""
        return self.place(self._at)[0]

    def take(self, expected: str) -> str:
        """Consume and return the next character that is not blank. Raises _Broken if it is none of `expected`."""
        found = self.peek()
        if not found:
            raise _CutShort
        if found not in expected:
            raise _Broken(f"{' or '.join(expected)} expected, {found!r} found")
        self._at += 1
        self.depth += _NESTING.get(found, 0)
        return found

    def record(self) -> object:
        """Decode the next value; fields of an object one by one. Raises _Broken, _CutShort."""
        self.depth = 0
        if self.peek() != "{":
            return self._value()
        self.take("{")
        fields: dict[str, object] = {}
        while self.peek() != "}":
            name = self._value()
            if not isinstance(name, str):
                raise _Broken("a field's name is no string")
            self.take(":")
            fields[name] = self._list() if self.peek() == "[" else self._value()
            if self.peek() != "}":
                self.take(",")
        self.take("}")
        if self.not_utf8:
            try:
                json.dumps(fields, ensure_ascii=False, default=repr).encode()
            except UnicodeEncodeError:
                raise _Broken("is not UTF-8") from None
        return fields

    def skip(self) -> None:
        """Go to the end of the record under way, which is broken here. Raises _CutShort where it has none."""
        while self.depth:
            found = _STRUCTURE.match(self._text, self._at)
            if found is not None:
                self._at = found.end()
                self.depth += _NESTING.get(self._text[self._at - 1], 0)
            elif self.held > LONGEST_VALUE or not self.more(least=self.held):
                raise _CutShort

    def _list(self) -> object:
        """Decode a short list at once, a longer one item by item, with strings within a budget."""
        try:
            value, end = _DECODE(self._text[self._at : self._at + SHORT_LIST])
        except (ValueError, RecursionError):
            pass  # broken, or longer: its items tell
        else:
            self._at += end
            return value
        self.take("[")
        items: list[object] = []
        budget = LIST_BUDGET
        while self.peek() != "]":
            item = self._value()
            if isinstance(item, str):
                left_out = len(item) > min(LONGEST_ITEM, budget)
                budget -= 0 if left_out else len(item)
                item = Unread(len(item)) if left_out else item
            items.append(item)
            if self.peek() != "]":
                self.take(",")
        self.take("]")
        return items

    def _value(self) -> object:
        self.peek()
        try:
            while (decoded := self.decoded()) is None:
                if self.held > LONGEST_VALUE:
                    raise _Broken(f"a value of more than {LONGEST_VALUE // 10**6} MB")
                self.more(least=self.held)
        except Undecodable as fault:
            if fault.at is not None and fault.at >= len(self._text):
                raise _CutShort from None
            raise _Broken(fault.reason) from None
        value, self._at = decoded
        return value


def _json_rows(file: BinaryIO, path: Path) -> Iterator[Row | BadRow]:
    """Yield the items of a list, or objects that stand one after another."""
    text = _Text(file)
    opening = text.peek()
    if opening not in ("[", "{"):
        raise DataError(f"{path} {'holds no JSON' if opening else 'is empty'}", "choose a file with records")
    index = 0
    try:
        if opening == "[":
            text.take("[")
        while text.peek() not in ("]", "") or opening == "[":
            if text.peek() == "]":
                text.take("]")
                break
            line = text.line()
            try:
                row: Row | BadRow = Row(index, line, text.record())
            except _Broken as fault:
                row = BadRow(index, line, f"broken JSON at line {text.line()}: {fault}")
                text.skip()
            yield row
            index += 1
            if opening == "[" and text.peek() != "]":
                text.take(",")
        if text.peek():
            raise _Broken("more text after the last record")
    except _CutShort:
        raise DataError(f"{path} ends in the middle of record {index} (from 0)", "copy or fetch it again") from None
    except _Broken as fault:
        raise DataError(f"{path}: broken JSON at line {text.line()}: {fault}", "fix that line") from None


def _line_rows(file: BinaryIO, path: Path) -> Iterator[Row | BadRow]:
    index = number = 0
    while line := file.readline(LONGEST_VALUE):
        number += 1
        if not line.strip():
            continue
        whole = line.endswith(b"\n")
        if len(line) == LONGEST_VALUE and not whole:
            while (rest := file.readline(CHUNK_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield BadRow(index, number, f"a line of more than {LONGEST_VALUE // 10**6} MB")
        else:
            text = _Text(io.BytesIO(line))
            try:
                value = text.record()
                if text.peek():
                    raise _Broken("more text after the record")
                yield Row(index, number, value)
            except (_Broken, _CutShort) as fault:
                if not whole and index and isinstance(fault, _CutShort):
                    message = f"{path} ends in the middle of record {index} (from 0)"
                    raise DataError(message, "copy or fetch it again") from None
                yield BadRow(index, number, f"broken JSON: {fault}" if str(fault) else "broken JSON: cut short")
        index += 1


class _Gunzipped(io.RawIOBase):
    """Decompressed bytes of a gzip file. Raises DataError once they are far more than the compressed ones."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path, self._given = file, path, 0
        self._plain = gzip.GzipFile(fileobj=file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._plain.read(len(buffer))
        buffer[: len(data)] = data
        self._given += len(data)
        if self._given > max(GZIP_FREE, GZIP_RATIO * self._file.tell()):
            raise DataError(f"{self._path} grows more than {GZIP_RATIO}-fold: a decompression bomb", "do not use it")
        return len(data)


def _parquet_rows(path: Path) -> Iterator[Row]:
    """Yield the rows, with the names of class labels in place of their numbers."""
    try:
        import pyarrow.parquet
    except ModuleNotFoundError:
        message = f"{path.name} is parquet, which needs pyarrow"
        raise EnvironmentError_(message, install_extra("data")) from None
    index = 0
    try:
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
            described = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"{}"))
            features = described.get("info", {}).get("features", {})
            for batch in file.iter_batches(batch_size=_ROWS):
                for row in batch.to_pylist():
                    yield Row(index, 0, _labelled(row, features))
                    index += 1
    except ValueError as fault:  # what pyarrow raises, too
        message = str(fault).split("\n")[0]
        raise DataError(f"{path} is no parquet file that can be read: {message}", "fetch it again") from None


def _labelled(value: Any, feature: Any) -> Any:
    """Put names for the numbers of class labels, by the description that the hub's libraries write into a file."""
    if isinstance(feature, dict) and isinstance(feature.get("names"), list) and feature.get("_type") == "ClassLabel":
        names = feature["names"]
        return names[value] if isinstance(value, int) and 0 <= value < len(names) else value
    if isinstance(feature, dict) and isinstance(feature.get("feature"), dict | list):
        feature = feature["feature"]
        return _labelled(value, feature) if isinstance(value, dict) else _labelled(value, [feature])
    if isinstance(value, list):
        inner = feature[0] if isinstance(feature, list) and feature else feature
        return [_labelled(item, inner) for item in value] if inner else value
    if isinstance(value, dict) and isinstance(feature, dict):
        return {name: _labelled(item, feature.get(name)) for name, item in value.items()}
    return value


def _folder_rows(path: Path) -> Iterator[Row]:
    """Yield the tasks of an unpacked APPS archive: a folder each, with texts in files."""
    tasks = [folder for folder in sorted(path.iterdir()) if (folder / "question.txt").is_file()]
    if not tasks:
        raise DataError(f"{path} is a folder without tasks of APPS", "name a data file")
    for index, folder in enumerate(tasks):
        texts = {file.stem: file.read_text(errors="surrogateescape") for file in folder.iterdir() if file.is_file()}
        about = json.loads(texts.pop("metadata", "{}"))
        yield Row(index, 0, {"problem_id": folder.name, **about, **texts})
