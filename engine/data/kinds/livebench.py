"""Converter of LiveBench's coding tasks up to April 2025: questions of LiveCodeBench, some as completions.

A completion gives part of a program and wants the rest. Its question is the same task on standard input: the partial
program is left out, and a question that stands in both tasks is kept once.
"""

from __future__ import annotations

from dataclasses import replace

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields
from engine.data.kinds import livecodebench

_TASKS = ("LCB_generation", "coding_completion")


def identify(fields: Fields) -> str:
    return livecodebench.identify(_question(fields))


def convert(fields: Fields, options: Options) -> Kept:
    if fields.get("code_prompt") or fields.get("entry_point"):
        raise Unusable("it is of the releases from April 2025 on: unit tests on libraries")
    task = fields.optional("task")
    if task not in _TASKS:
        raise Unusable(f"its task is {task or 'not named'}, neither {' nor '.join(_TASKS)}")
    if fields.optional("livebench_removal_date"):
        raise Unusable("LiveBench has removed it")
    kept = livecodebench.of_question(
        _question(fields),
        fields.rows_of_json("public_test_cases"),
        fields.optional("private_test_cases"),
        "livebench",
        options,
    )
    released = fields.date("release_date") or kept.problem.released
    kept = replace(kept, problem=replace(kept.problem, released=released))
    return kept.with_notes("its partial program is left out") if task == "coding_completion" else kept


def _question(fields: Fields) -> Fields:
    question = fields.json("original_json")
    if question is None:
        raise Unusable('its field "original_json" is missing')
    return Fields(question, 'its field "original_json"')
