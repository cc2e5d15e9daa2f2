"""One task of a problem file: the CURE object, and the faults of its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from engine.errors import DataError
from engine.printable import printable
from engine.problems.problem import COMPARISONS, IOExample, Problem

TEXTS = frozenset({"example_input", "example_output", "test_input", "test_output", "solutions"})
OTHERS = frozenset({"task_id", "question", "test_time_limit", "difficulty", "dataset", "compare", "source", "released",
                     "style", "verdict"})  # fmt: skip


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
        raise DataError(f"{where}: a task must be an object, this is {kind_of(record)}", remedy)
    fields = Fields(record, where)
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
class Fields:
    """Typed access to one record; every error names the record and the field."""

    values: Mapping[str, object]
    where: str

    def refuse(self, field: str, what: str, remedy: str) -> NoReturn:
        raise DataError(f'{self.where}, field "{field}" {what}', remedy)

    def refuse_text(self, field: str, value: object) -> NoReturn:
        self.refuse(field, f"must be a string, is {kind_of(value)}", "put it in quotes")

    def has(self, field: str) -> bool:
        """Tell whether a field is given; null counts as absent."""
        return self.values.get(field) is not None

    def _required(self, field: str) -> object:
        if field not in self.values:
            self.refuse(field, "is missing", "every CURE task has it")
        return self.values[field]

    def _as_text(self, field: str, value: object) -> str:
        if not isinstance(value, str):
            self.refuse_text(field, value)
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
            self.refuse(field, f"must be a list of strings, is {kind_of(values)}", "put it in [ ]")
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
            self.refuse(field, f"must be a number, is {kind_of(value)}", "write it as 1 or 0.5, without quotes")
        if not 0 < value <= 1e9:  # also refuses NaN, Infinity and whole numbers too large for a float
            self.refuse(field, "must be above 0 and at most 1e9", "give the seconds that one test may take")
        return float(value)

    def examples(self, input_field: str, output_field: str) -> tuple[IOExample, ...]:
        inputs, outputs = self.texts(input_field), self.texts(output_field)
        if len(inputs) != len(outputs):
            what = f'has {len(outputs)} entries, "{input_field}" has {len(inputs)}'
            self.refuse(output_field, what, "the two lists are parallel: one output for each input")
        return tuple(map(IOExample, inputs, outputs))


def kind_of(value: object) -> str:
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
