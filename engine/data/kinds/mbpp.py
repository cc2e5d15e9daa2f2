"""Converter of MBPP: three assertions a task, a reference with CRLF line ends, setup that runs after it."""

from __future__ import annotations

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields
from engine.data.function_tasks import asserted, function_task
from engine.problems import Problem
from engine.problems.functions import UNKNOWN, Refusal, Signature, read_assertions

SECONDS = 1.0
_SLOW = {123: 10.0}
"""CPU seconds of tasks whose reference is slow: 123 tests every pair of numbers up to 9999."""

_AS_SETS = frozenset((2, 7, 111, 140, 232, 249, 579, 769))
"""Tasks whose results stand in an arbitrary order, by EvalPlus: converted to sets, where that keeps all elements."""

_SEVERAL = {558: "it accepts several answers", 581: "it accepts several answers"}
_WRONG = dict.fromkeys((143, 164, 229, 461), "some copies of its tests are known to be wrong")
_REMARKS = _SEVERAL | _WRONG

_SPLITS = ((10, "prompt"), (510, "test"), (600, "validation"), (974, "train"))


def identify(fields: Fields) -> str:
    return f"mbpp/{fields.optional('task_id')}"


def split_of(number: int) -> str:
    """Return the split of a task by its number; those of the prompt are shown to models and must not be trained on."""
    return next((name for last, name in _SPLITS if number <= last), "")


def convert(fields: Fields, options: Options) -> Kept:
    setup = fields.optional("test_setup_code").strip()
    return of_assertions(fields, fields.text("text"), fields.rows("challenge_test_list"), "mbpp", options, after=setup)


def of_assertions(
    fields: Fields,
    statement: str,
    challenges: list[object],
    name: str,
    options: Options,
    *,
    before: str = "",
    after: str = "",
) -> Kept:
    """Convert a record of either release. before, after: code around the reference."""
    number = int(fields.number("task_id", 0))
    tests = "\n".join(fields.texts("test_list") + [str(each) for each in challenges])
    try:
        found = read_assertions(tests)
    except Refusal as refusal:
        raise Unusable(str(refusal)) from None
    problem = Problem(
        id=f"mbpp/{number}",
        statement=statement,
        public=(),
        hidden=(),
        time_limit=_SLOW.get(number, SECONDS) * options.time_factor,
        dataset=f"{name}/{split_of(number)}",
        source=f"mbpp/{number}",
    )
    code = "\n".join(part for part in (before, fields.text("code"), after) if part)
    record = asserted(problem, found, Signature("", (), UNKNOWN, True), code, as_set=number in _AS_SETS)
    kept = function_task(record, options)
    return kept.with_notes(_REMARKS[number]) if number in _REMARKS else kept
