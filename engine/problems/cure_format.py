"""Reader and writer of problem files: CURE JSON (a list of objects) and JSONL (one object per line).

A file is read whole, or refused with one line that names file, record and field. Records are counted from 0, as in `jq`
and Python; JSONL errors add the line, counted from 1, as in editors. Unknown fields are ignored, because published data
sets have several. `save_problems` writes no file that `load_problems` would refuse.
"""

from __future__ import annotations

import codecs
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from engine.errors import DataError
from engine.problems.cure_record import OTHERS, TEXTS, Fields, kind_of, parse_cure_record, to_cure_record
from engine.problems.json_text import BrokenJson, JsonText, NoText
from engine.problems.problem import Problem

_MOST_BYTES = 4 << 30


def load_problems(path: str | Path) -> list[Problem]:
    """Read all problems of a `.json` or `.jsonl` file, in file order.

    Raises DataError for a file that is missing, unreadable, empty, not UTF-8 or not JSON, for a record that
    `parse_cure_record` refuses, and for two tasks with the same id.
    """
    path = Path(path)
    records = _line_records if _is_jsonl(path) else _list_records
    problems: list[Problem] = []
    ids = _Ids()
    with _opened(path) as file:
        for where, record in records(path, file):
            problem = parse_cure_record(record, where, len(problems))
            ids.add(problem, where)
            problems.append(problem)
    if not problems:
        raise DataError(f"{path} holds no task", "choose a file with tasks")
    return problems


def save_problems(path: str | Path, problems: Sequence[Problem]) -> None:
    """Write `problems` as `.json` or `.jsonl`, one record per line, atomically.

    A temporary file is written and renamed, so neither a reader nor a crash nor a full disk leaves half a file. Raises
    DataError where the folder cannot be written to, and for problems that `load_problems` would refuse.
    """
    path = Path(path)
    lines = _checked_lines(path, problems)
    _write_whole(path, (line + b"\n" for line in lines) if _is_jsonl(path) else _as_list(lines))


def write_jsonl(path: str | Path, problems: Iterable[Problem]) -> int:
    """Write problems as they come, a line each, and return their number; `path` appears when all are written.

    Nothing is held but the ids, so a set of any size can be written. Raises DataError as `save_problems` does.
    """
    path = Path(path)
    if not _is_jsonl(path):
        raise DataError(f"{path}: a file of one problem a line ends in .jsonl", "rename it")
    count = 0

    def counted() -> Iterator[bytes]:
        nonlocal count
        for line in _checked_lines(path, problems):
            count += 1
            yield line + b"\n"

    _write_whole(path, counted())
    return count


def _is_jsonl(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in (".json", ".jsonl"):
        raise DataError(
            f"{path}: a problem file ends in .json or .jsonl",
            "rename it: .jsonl if each line holds a problem, else .json",
        )
    return suffix == ".jsonl"


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """Open a file of tasks, past its byte-order mark; what happens to it while it is read is a DataError."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a FIFO would never end, a device may give gigabytes
            raise DataError(f"{path} cannot be read: it is not a file", "give a .json or .jsonl file")
        if status.st_size > _MOST_BYTES:
            raise DataError(f"{path} is larger than {_MOST_BYTES >> 30} GB", "split it")
        with path.open("rb") as file:
            if file.peek(3).startswith(codecs.BOM_UTF8):  # of editors on Windows, not an error in the data
                file.seek(len(codecs.BOM_UTF8))
            try:
                yield file
            except UnicodeDecodeError as fault:
                byte, offset = fault.object[fault.start], file.tell() - len(fault.object) + fault.start
                message = f"{path} is not UTF-8: byte 0x{byte:02x} at offset {offset}"
                raise DataError(message, "save it as UTF-8") from None
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", "check the path") from None
    except OSError as fault:
        raise DataError(f"{path} cannot be read: {fault.strerror}", "give a file with read permission") from None


def _list_records(path: Path, file: BufferedReader) -> Iterator[tuple[str, object]]:
    text = JsonText(file.read)
    try:
        opening = text.peek()
        if not opening:
            raise DataError(f"{path} is empty", "choose a file with tasks")
        if opening == "[":
            text.take("[", "Expecting value")
            index = 0
            after = "," if text.peek() != "]" else text.take("]", "")
            while after == ",":
                where = f"{path}, record {index} (from 0)"
                yield where, _record(text, where)
                index += 1
                after = text.take(",]", "Expecting ',' delimiter")
        else:
            held = kind_of(text.record((), ()))
        if text.peek():
            text.refuse("Extra data")
    except BrokenJson as fault:
        raise _broken(path, fault) from None
    if opening != "[":
        raise DataError(f"{path} must hold a list of tasks, holds {held}", "put it in [ ], or name the file .jsonl")


def _line_records(path: Path, file: BufferedReader) -> Iterator[tuple[str, object]]:
    index = number = 0
    while file.peek(1):
        number += 1
        text = JsonText(_line_reader(file), number)
        try:
            if not text.peek():
                continue
            where = f"{path}, record {index} (from 0, line {number})"
            yield where, _record(text, where)
            if text.peek():
                text.refuse("Extra data")
        except BrokenJson as fault:
            raise _broken(path, fault) from None
        index += 1
    if not index:
        raise DataError(f"{path} is empty", "choose a file with tasks")


def _line_reader(file: BufferedReader) -> Callable[[int], bytes]:
    """Return a `read` that ends where the line ends."""
    is_whole = False

    def read(size: int) -> bytes:
        nonlocal is_whole
        data = b"" if is_whole else file.readline(size)
        is_whole = data.endswith(b"\n")
        return data

    return read


def _record(text: JsonText, where: str) -> object:
    try:
        return text.record(TEXTS, OTHERS)
    except NoText as fault:
        Fields({}, where).refuse_text(f"{fault.field}[{fault.index}]", fault.item)


def _broken(path: Path, fault: BrokenJson) -> DataError:
    if not fault.column:
        return DataError(f"{path}: JSON from line {fault.line} on: {fault.reason}", "make it shorter or flatter")
    remedy = "fix that line"
    if fault.reason == "Extra data" and path.suffix.lower() == ".json":
        remedy = "a .json file holds one list; one object per line belongs in a .jsonl file"
    return DataError(f"{path}: broken JSON at line {fault.line}, column {fault.column}: {fault.reason}", remedy)


class _Ids:
    """Ids of the tasks of a file, each with its place. Raises DataError for the second task of an id."""

    def __init__(self) -> None:
        self._where: dict[str, str] = {}

    def add(self, problem: Problem, where: str) -> None:
        first = self._where.setdefault(problem.id, where)
        if first is not where:
            message = f'{where}, field "task_id": {problem.id!r} is already the id of {first}'
            raise DataError(message, "ids must be unique in a file")


def _checked_lines(path: Path, problems: Iterable[Problem]) -> Iterator[bytes]:
    """Yield a record a problem, without the line's end. Raises DataError for what `load_problems` would refuse."""
    ids = _Ids()
    index = -1
    for index, problem in enumerate(problems):
        where, record = f"{path}, record {index} (from 0)", to_cure_record(problem)
        parse_cure_record(record, where, index)
        ids.add(problem, where)
        yield json.dumps(record, ensure_ascii=False).encode()
    if index < 0:
        raise DataError(f"{path} holds no task", "choose a file with tasks")


def _as_list(lines: Iterable[bytes]) -> Iterator[bytes]:
    before = b"[\n"
    for line in lines:
        yield before + line
        before = b",\n"
    yield b"\n]\n"


def _write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Replace `path` by `content` atomically; on an error the old file stays and the temporary one is removed."""
    target = path.resolve()  # replace the target of a link, not the link
    aside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            with aside.open("xb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as fault:
        remedy = "check that the folder exists, may be written to and has room"
        raise DataError(f"{path} cannot be written: {fault.strerror}", remedy) from None
