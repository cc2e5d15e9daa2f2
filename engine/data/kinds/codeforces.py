"""Converter of open-r1/codeforces without its checkers: tasks whose one right output stands in complete tests."""

from __future__ import annotations

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields
from engine.data.stdio_tasks import stdio_task
from engine.problems import Problem

_SECONDS = 2.0


def identify(fields: Fields) -> str:
    return f"cf/{fields.text('id')}"


def convert(fields: Fields, options: Options) -> Kept:
    if fields.optional("interaction_format").strip():
        raise Unusable("it is interactive")
    if fields.optional("input_mode") not in ("", "stdio"):
        raise Unusable("it reads or writes a file")
    if fields.optional("generated_checker").strip():
        raise Unusable("it accepts several answers: a checker judges them")
    if fields.get("executable") is False:
        raise Unusable("its tests cannot be executed")
    if not fields.get("official_tests_complete"):
        raise Unusable("its tests are cut short or missing")
    problem = Problem(
        id=identify(fields),
        statement=_statement(fields),
        public=(),
        hidden=(),
        time_limit=fields.number("time_limit", _SECONDS) * options.time_factor,
        difficulty=fields.optional("rating"),
        dataset=f"codeforces/{fields.split}" if fields.split else "codeforces",
        source=identify(fields),
        released=fields.date("contest_start"),
    )
    return stdio_task(problem, _tests(fields, "examples"), _tests(fields, "official_tests"), options)


def _statement(fields: Fields) -> str:
    parts = [fields.optional("title").strip(), fields.text("description").strip()]
    for title, name in (("Input", "input_format"), ("Output", "output_format"), ("Note", "note")):
        if text := fields.optional(name).strip():
            parts.append(f"{title}\n\n{text}")
    return "\n\n".join(part for part in parts if part)


def _tests(fields: Fields, name: str) -> list[tuple[object, object]]:
    tests = [Fields(each, "a test") for each in fields.rows(name)]
    return [(each.get("input"), each.get("output")) for each in tests]
