"""Converter of CURE's own format, as Gen-Verse publishes the sets of the paper: null and odd fields are borne."""

from __future__ import annotations

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields
from engine.data.selection import pair
from engine.data.stdio_tasks import stdio_task
from engine.problems import Problem

_SECONDS = 1.0


def identify(fields: Fields) -> str:
    """Return set, split and number: every file counts from 0, so numbers alone would be those of other tasks, too."""
    number = fields.optional("task_id")
    if number and not number.isdigit():
        return number
    name = (fields.optional("dataset") or "cure").lower()
    return "/".join(filter(None, (name, fields.split, number or str(fields.index))))


def convert(fields: Fields, options: Options) -> Kept:
    method = fields.optional("exe_method")
    if method not in ("", "stdin"):
        raise Unusable(f"it is run by {method}, not on standard input")
    solutions = fields.get("solutions")
    texts = [each for each in solutions if isinstance(each, str)] if isinstance(solutions, list) else []
    problem = Problem(
        id=identify(fields),
        statement=fields.text("question"),
        public=(),
        hidden=(),
        time_limit=fields.number("test_time_limit", _SECONDS) * options.time_factor,
        difficulty=fields.optional("difficulty"),
        dataset=f"{name}/{fields.split}" if (name := fields.optional("dataset")) and fields.split else name,
        solutions=tuple(texts),
        compare=fields.comparison(),
        source=fields.remark("source") or identify(fields),
        released=fields.date("released"),
    )
    return stdio_task(
        problem,
        pair(fields.rows("example_input"), fields.rows("example_output")),
        pair(fields.rows("test_input"), fields.rows("test_output")),
        options,
    )
