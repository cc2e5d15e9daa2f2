"""Helpers of the tests of converters: real rows, rows made up, and a conversion with or without the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.data.conversion import convert
from engine.data.converted import Converted, Dropped, Kept, Options
from engine.data.streams import Row, read_rows
from engine.sandbox import Executor

ROWS = Path(__file__).with_name("rows")


def converted(kind: str, *records: Any, executor: Executor | None = None, **options: Any) -> list[Converted]:
    rows = [Row(index, index + 1, record) for index, record in enumerate(records)]
    return list(convert(kind, rows, Options(**options), executor))


def kept(kind: str, record: Any, executor: Executor | None = None, **options: Any) -> Kept:
    (found,) = converted(kind, record, executor=executor, **options)
    assert isinstance(found, Kept), found
    return found


def reason(kind: str, record: Any, executor: Executor | None = None, **options: Any) -> str:
    (found,) = converted(kind, record, executor=executor, **options)
    assert isinstance(found, Dropped), found
    return found.reason


def real(kind: str, name: str, executor: Executor, **options: Any) -> dict[str, Converted]:
    """Convert a file of real rows; return its tasks and dropped records by id."""
    found = convert(kind, read_rows(ROWS / name), Options(**options), executor)
    return {each.problem.id if isinstance(each, Kept) else each.id: each for each in found}


def hidden_of(task: Kept) -> list[tuple[str, str]]:
    return [(each.input, each.output) for each in task.problem.hidden]
