"""Reader and writer of problem files: CURE JSON (a list of objects) and JSONL (one object per line).

A file is read whole, or refused with one line that names file, record and field. Records are counted from 0, as in `jq`
and Python; JSONL errors add the line, counted from 1, as in editors. Unknown fields are ignored, because published data
sets have several. `save_problems` writes no file that `load_problems` would refuse.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NoReturn

from engine.errors import DataError
from engine.printable import printable
from engine.problems.problem import COMPARISONS, IOExample, Problem

_MOST_BYTES = 4 << 30


def load_problems(path: str | Path) -> list[Problem]:
    """Read all problems of a `.json` or `.jsonl` file, in file order.

    Raises DataError for a file that is missing, unreadable, empty, not UTF-8 or not JSON, for a record that
    `parse_cure_record` refuses, and for two tasks with the same id.
    """
    path = Path(path)
    is_jsonl = _is_jsonl(path)
    text = _read_text(path)
    if not text.strip():
        raise DataError(f"{path} is empty", "choose a file with tasks")
    records = _jsonl_records(path, text) if is_jsonl else _json_records(path, text)
    problems = []
    wheres = []
    for index, (where, record) in enumerate(records):
        problems.append(parse_cure_record(record, where, index))
        wheres.append(where)
    _refuse_useless(path, problems, wheres)
    return problems


def save_problems(path: str | Path, problems: Sequence[Problem]) -> None:
    """Write `problems` as `.json` or `.jsonl`, one record per line, atomically.

    A temporary file is written and renamed, so neither a reader nor a crash nor a full disk leaves half a file. Raises
    DataError where the folder cannot be written to, and for problems that `load_problems` would refuse.
    """
    path = Path(path)
    is_jsonl = _is_jsonl(path)
    wheres = [f"{path}, record {index} (from 0)" for index in range(len(problems))]
    records = [to_cure_record(problem) for problem in problems]
    for index, (where, record) in enumerate(zip(wheres, records, strict=True)):
        parse_cure_record(record, where, index)
    _refuse_useless(path, problems, wheres)
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    text = "\n".join(lines) + "\n" if is_jsonl else "[\n" + ",\n".join(lines) + "\n]\n"
    _write_whole(path, [text.encode("utf-8")])


def write_jsonl(path: str | Path, problems: Iterable[Problem]) -> int:
    """Write problems as they come, a line each, and return their number; `path` appears when all are written.

    Nothing is held but the ids, so a set of any size can be written. Raises DataError as `save_problems` does.
    """
    path = Path(path)
    if not _is_jsonl(path):
        raise DataError(f"{path}: a file of one problem a line ends in .jsonl", "rename it")
    seen: dict[str, int] = {}

    def lines() -> Iterator[bytes]:
        for index, problem in enumerate(problems):
            where, record = f"{path}, record {index} (from 0)", to_cure_record(problem)
            parse_cure_record(record, where, index)
            if seen.setdefault(problem.id, index) != index:
                message = f'{where}, field "task_id": {problem.id!r} is already the id of record {seen[problem.id]}'
                raise DataError(message, "ids must be unique in a file")
            yield json.dumps(record, ensure_ascii=False).encode() + b"\n"
        if not seen:
            raise DataError(f"{path} holds no task", "choose a file with tasks")

    _write_whole(path, lines())
    return len(seen)


def parse_cure_record(record: object, where: str, index: int = 0) -> Problem:
    """Turn one decoded CURE object into a Problem; `where` names its place in error messages.

    Needs question, test_time_limit, example_input/example_output and test_input/test_output (parallel lists;
    the example lists may be empty). task_id, difficulty, dataset, solutions and compare are optional; the
    first two may be whole numbers, as in MBPP and CodeContests. So are source, released, style and verdict, which other
    sets use with meanings of their own: they are left out where they do not fit. Without a task_id the id is
    `task-<index>`, such as "task-00012"; one with a control character is refused. Raises DataError that names
    `where` and the field.
    """
    if not isinstance(record, dict):
        is_list = isinstance(record, list)
        remedy = "a list of tasks belongs in a .json file" if is_list else "write { } around its fields"
        raise DataError(f"{where}: a task must be an object, this is {_kind(record)}", remedy)
    fields = _Fields(record, where)
    statement = fields.text("question")
    if not statement.strip():
        fields.refuse("question", "is blank", "give the problem's statement")
    hidden = fields.examples("test_input", "test_output")
    if not hidden:
        fields.refuse("test_input", "is empty: a task without tests", "give it a test, or drop the task")
    return Problem(
        id=fields.name("task_id", f"task-{index:05d}"),
        statement=statement,
        public=fields.examples("example_input", "example_output"),
        hidden=hidden,
        time_limit=fields.seconds("test_time_limit"),
        difficulty=fields.label("difficulty", ""),
        dataset=fields.label("dataset", ""),
        solutions=fields.texts("solutions") if fields.has("solutions") else (),
        compare=fields.comparison("compare"),
        source=fields.remark("source"),
        released=fields.date("released"),
        style=fields.remark("style"),
        verdict=fields.remark("verdict"),
    )


def to_cure_record(problem: Problem) -> dict[str, object]:
    """Return the CURE object that `parse_cure_record` reads back as an equal Problem; empty options are left out."""
    record: dict[str, object] = {
        "task_id": problem.id,
        "question": problem.statement,
        "test_time_limit": problem.time_limit,
        "example_input": [example.input for example in problem.public],
        "example_output": [example.output for example in problem.public],
        "test_input": [example.input for example in problem.hidden],
        "test_output": [example.output for example in problem.hidden],
    }
    if problem.solutions:
        record["solutions"] = list(problem.solutions)
    labels = ("difficulty", "dataset", "compare", "source", "released", "style", "verdict")
    return record | {name: label for name in labels if (label := getattr(problem, name))}


@dataclass(frozen=True, slots=True)
class _Fields:
    """Typed access to one record; every error names the record and the field."""

    values: Mapping[str, object]
    where: str

    def refuse(self, field: str, what: str, remedy: str) -> NoReturn:
        raise DataError(f'{self.where}, field "{field}" {what}', remedy)

    def has(self, field: str) -> bool:
        """Tell whether a field is given; null counts as absent."""
        return self.values.get(field) is not None

    def _required(self, field: str) -> object:
        if field not in self.values:
            self.refuse(field, "is missing", "every CURE task has it")
        return self.values[field]

    def _as_text(self, field: str, value: object) -> str:
        if not isinstance(value, str):
            self.refuse(field, f"must be a string, is {_kind(value)}", "put it in quotes")
        # "\ud800" is legal JSON, but a lone surrogate cannot be encoded: tokenizers, pipes and files would fail later.
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            self.refuse(field, "contains a lone surrogate", "write the character itself, in UTF-8")
        return value

    def text(self, field: str) -> str:
        return self._as_text(field, self._required(field))

    def texts(self, field: str) -> tuple[str, ...]:
        values = self._required(field)
        if not isinstance(values, list):
            self.refuse(field, f"must be a list of strings, is {_kind(values)}", "put it in [ ]")
        return tuple(self._as_text(f"{field}[{position}]", value) for position, value in enumerate(values))

    def label(self, field: str, default: str) -> str:
        """Return an optional short name, or `default` where it is absent. Blank only where `default` is blank."""
        if not self.has(field):
            return default
        value = self.values[field]
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        label = self._as_text(field, value)
        if default and not label.strip():
            self.refuse(field, "is blank", "name it, or leave the field out")
        return label

    def name(self, field: str, default: str) -> str:
        """Return a label that lists and titles show as it is: one with a control character could pass for another."""
        label = self.label(field, default)
        if printable(label) != label:
            self.refuse(field, f"holds a character that cannot be printed: {label[:80]!a}", "write the id without it")
        return label

    def comparison(self, field: str) -> str:
        name = self.label(field, "")
        if name and name not in COMPARISONS:
            self.refuse(field, f"is no comparison: {name!r}", f"use one of {', '.join(COMPARISONS)}")
        return name

    def remark(self, field: str) -> str:
        """Return a text that nothing depends on; "" for any other value."""
        value = self.values.get(field)
        return self._as_text(field, value) if isinstance(value, str) else ""

    def date(self, field: str) -> str:
        text = self.remark(field)
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            return ""

    def seconds(self, field: str) -> float:
        value = self._required(field)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(field, f"must be a number, is {_kind(value)}", "write it as 1 or 0.5, without quotes")
        if not 0 < value <= 1e9:  # also refuses NaN, Infinity and whole numbers too large for a float
            self.refuse(field, "must be above 0 and at most 1e9", "give the seconds that one test may take")
        return float(value)

    def examples(self, input_field: str, output_field: str) -> tuple[IOExample, ...]:
        inputs, outputs = self.texts(input_field), self.texts(output_field)
        if len(inputs) != len(outputs):
            what = f'has {len(outputs)} entries, "{input_field}" has {len(inputs)}'
            self.refuse(output_field, what, "the two lists are parallel: one output for each input")
        return tuple(map(IOExample, inputs, outputs))


def _kind(value: object) -> str:
    """Return JSON's name for the type of a decoded value, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return f"a Python {type(value).__name__}"


def _is_jsonl(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in (".json", ".jsonl"):
        raise DataError(
            f"{path}: a problem file ends in .json or .jsonl",
            "rename it: .jsonl if each line holds a problem, else .json",
        )
    return suffix == ".jsonl"


def _read_text(path: Path) -> str:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a FIFO would never end, a device may give gigabytes
            raise DataError(f"{path} cannot be read: it is not a file", "give a .json or .jsonl file")
        if status.st_size > _MOST_BYTES:
            raise DataError(f"{path} is larger than {_MOST_BYTES >> 30} GB", "split it")
        # utf-8-sig: editors on Windows write a byte-order mark, which is not an error in the data.
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", "check the path") from None
    except OSError as fault:
        raise DataError(f"{path} cannot be read: {fault.strerror}", "give a file with read permission") from None
    except UnicodeDecodeError as fault:
        byte = fault.object[fault.start]
        message = f"{path} is not UTF-8: byte 0x{byte:02x} at offset {fault.start}"
        raise DataError(message, "save it as UTF-8") from None


def _json_records(path: Path, text: str) -> Iterable[tuple[str, object]]:
    records = _decode(path, text, first_line=1)
    if not isinstance(records, list):
        message = f"{path} must hold a list of tasks, holds {_kind(records)}"
        raise DataError(message, "put it in [ ], or name the file .jsonl")
    for index, record in enumerate(records):
        yield f"{path}, record {index} (from 0)", record


def _jsonl_records(path: Path, text: str) -> Iterable[tuple[str, object]]:
    index = 0
    # Not splitlines(): it also splits at U+2028 and other characters that JSON strings may contain unescaped.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{path}, record {index} (from 0, line {number})", _decode(path, line, first_line=number)
            index += 1


def _decode(path: Path, text: str, first_line: int) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        line = first_line + fault.lineno - 1
        remedy = "fix that line"
        if fault.msg == "Extra data" and path.suffix.lower() == ".json":
            remedy = "a .json file holds one list; one object per line belongs in a .jsonl file"
        message = f"{path}: broken JSON at line {line}, column {fault.colno}: {fault.msg}"
        raise DataError(message, remedy) from None
    except RecursionError:
        raise DataError(f"{path}: JSON from line {first_line} on is nested too deeply", "flatten it") from None
    except ValueError as fault:  # a whole number with more digits than Python converts
        raise DataError(f"{path}: JSON from line {first_line} on: {fault}", "write fewer digits") from None


def _refuse_useless(path: Path, problems: Sequence[Problem], wheres: Sequence[str]) -> None:
    """Raise DataError for faults of the file as a whole: no task, or two with the same id."""
    if not problems:
        raise DataError(f"{path} holds no task", "choose a file with tasks")
    first_where: dict[str, str] = {}
    for problem, where in zip(problems, wheres, strict=True):
        if problem.id in first_where:
            first = first_where[problem.id]
            message = f'{where}, field "task_id": {problem.id!r} is already the id of {first}'
            raise DataError(message, "ids must be unique in a file")
        first_where[problem.id] = where


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
