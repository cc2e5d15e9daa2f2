"""Conversion of a file's records: read this first. Each becomes a task, or is dropped with the reason.

    rows -> kinds/<set>.py -> tasks whose references are not tried yet -> references.py -> verdicts

Nothing is held but the ids: a file of any size passes through, and the same file gives the same tasks, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from engine.data.converted import Converted, Dropped, Kept, Options, Unusable
from engine.data.fields import Fields
from engine.data.kinds import KINDS, Kind
from engine.data.references import verify
from engine.data.streams import BadRow, Row
from engine.errors import ConfigError, DataError
from engine.problems import Problem, parse_cure_record, to_cure_record
from engine.sandbox import Executor

_LONGEST_NAME, _LONGEST_REASON = 200, 300  # characters: both may quote a record


def convert(
    kind: str,
    rows: Iterable[Row | BadRow],
    options: Options | None = None,
    executor: Executor | None = None,
    reseeded: Executor | None = None,
) -> Iterator[Converted]:
    """Yield a task or the reason against it for each record, in their order.

    executor: runs the references; without it every task is `unverified`. reseeded: one with another hash seed; tasks
    whose results depend on it are dropped. Raises ConfigError for a kind that KINDS does not hold.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no converter '{kind}'", f"use one of {', '.join(sorted(KINDS))}")
    read = _read(KINDS[kind], rows, options or Options())
    return read if executor is None else verify(read, executor, reseeded)


def _read(kind: Kind, rows: Iterable[Row | BadRow], options: Options) -> Iterator[Converted]:
    places: dict[str, int] = {}
    for row in rows:
        if isinstance(row, BadRow):
            yield Dropped("", row.line, f"it cannot be read: {row.reason}")
            continue
        task = _task(kind, row, options)
        if isinstance(task, Kept):
            first = places.setdefault(task.problem.id, row.index)
            if first != row.index:
                task = Dropped(task.problem.id, row.line, f"record {first} has the same id")
        yield task


def _task(kind: Kind, row: Row, options: Options) -> Converted:
    name = ""
    try:
        fields = Fields(row.value, "the record", row.index, options.split)
        name = kind.identify(fields)
        kept = kind.convert(fields, options)
        if options.after and not kept.problem.released > options.after:
            raise Unusable(f"it was not released after {options.after}")
        _refuse_unreadable(kept.problem)
    except Unusable as reason:
        return Dropped(name[:_LONGEST_NAME], row.line, str(reason)[:_LONGEST_REASON])
    return replace(kept, line=row.line, problem=replace(kept.problem, verdict=kept.problem.verdict or "unverified"))


def _refuse_unreadable(problem: Problem) -> None:
    """Raise Unusable for a task that `load_problems` would refuse: one odd record must not cost the whole set."""
    try:
        parse_cure_record(to_cure_record(problem), "the task")
    except DataError as fault:
        raise Unusable(fault.message.partition(": ")[0]) from None
