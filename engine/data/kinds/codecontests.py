"""Converter of DeepMind's CodeContests: three pools of tests, programs in four languages, limits that may be null."""

from __future__ import annotations

from collections.abc import Iterator

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields
from engine.data.selection import pair
from engine.data.stdio_tasks import stdio_task
from engine.problems import Problem

_PYTHON_3 = 3
_SECONDS = 2.0
"""CPU seconds where the set gives none."""

_PICTURE = "<image>"


def identify(fields: Fields) -> str:
    return f"codecontests/{fields.text('name')}"


def convert(fields: Fields, options: Options) -> Kept:
    difficulty = int(fields.number("difficulty", 0))
    if options.max_difficulty is not None and difficulty > options.max_difficulty:
        raise Unusable(f"its difficulty is above {options.max_difficulty}: it is of another source")
    if fields.optional("input_file") or fields.optional("output_file"):
        raise Unusable("it reads or writes a file")
    statement = fields.text("description")
    limit = fields.fields("time_limit")
    problem = Problem(
        id=identify(fields),
        statement=statement,
        public=(),
        hidden=(),
        time_limit=(limit.number("seconds", 0.0) + limit.number("nanos", 0.0) / 1e9 or _SECONDS) * options.time_factor,
        difficulty=str(difficulty),
        dataset=f"codecontests/{fields.split}" if fields.split else "codecontests",
        solutions=tuple(_programs(fields.fields("solutions"))),
        source=identify(fields),
    )
    notes = ("its statement has a picture that is left out",) if _PICTURE in statement else ()
    hidden = [*_pool(fields, "private_tests"), *_pool(fields, "generated_tests")]
    return stdio_task(problem, _pool(fields, "public_tests"), hidden, options, notes)


def _pool(fields: Fields, name: str) -> list[tuple[object, object]]:
    pool = fields.fields(name)
    return pair(pool.rows("input"), pool.rows("output"))


def _programs(solutions: Fields) -> Iterator[str]:
    for language, source in pair(solutions.rows("language"), solutions.rows("solution")):
        if language in (_PYTHON_3, "PYTHON3") and isinstance(source, str):
            yield source
