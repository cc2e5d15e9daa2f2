"""Converter of LiveCodeBench: tests in JSON inside JSON, private ones packed; on standard input or of a function."""

from __future__ import annotations

from typing import Any

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields, decode_json
from engine.data.function_tasks import FunctionRecord, function_task
from engine.data.private_tests import decode_tests
from engine.data.stdio_tasks import refuse_unjudgeable, stdio_task
from engine.problems import Problem
from engine.problems.functions import JSON_CONSTANTS, signatures

SECONDS = 8.0
"""CPU seconds of a test, as CURE's release of the set gives them."""

_SPARE = 4
"""Hidden tests of a function that are looked at, for each one that is kept: some repeat others."""

_SEVERAL = "it accepts several answers"
_ERRATA = {
    **dict.fromkeys(
        (
            "abc311_c", "abc326_d", "abc327_b", "abc333_e", "abc343_e", "abc362_c", "arc185_c", "abc343_a",
            "find-words-containing-character", "find-the-peaks", "generate-binary-strings-without-adjacent-zeros",
        ),
        _SEVERAL,
    ),
    **dict.fromkeys(("abc337_e", "abc355_e"), "it is interactive"),
    **dict.fromkeys(
        ("abc350_c", "apply-operations-to-make-string-empty", "most-frequent-ids", "arc189_a"),
        "its tests are known to be wrong",
    ),
}  # fmt: skip
"""Known faults, by id or by title as LeetCode writes it in addresses."""


def identify(fields: Fields) -> str:
    return f"lcb/{fields.text('question_id')}"


def convert(fields: Fields, options: Options) -> Kept:
    return of_question(
        fields,
        fields.rows_of_json("public_test_cases"),
        fields.optional("private_test_cases"),
        "livecodebench",
        options,
    )


def of_question(fields: Fields, public: list[Any], private: str, dataset: str, options: Options) -> Kept:
    """Convert a question of LiveCodeBench; LiveBench keeps the tests beside it."""
    slug = "-".join(fields.optional("question_title").lower().replace("'", "").split())
    known = _ERRATA.get(fields.text("question_id")) or _ERRATA.get(slug)
    if known and not (known == _SEVERAL and options.keep_ambiguous):
        raise Unusable(known)
    problem = Problem(
        id=identify(fields),
        statement=fields.text("question_content"),
        public=(),
        hidden=(),
        time_limit=SECONDS * options.time_factor,
        difficulty=fields.optional("difficulty"),
        dataset=dataset,
        source=identify(fields),
        released=fields.date("contest_date"),
    )
    shown, hidden = _tests(public), _tests(decode_tests(private))
    kinds = {str(test.get("testtype") or "stdin") for test in (*shown, *hidden)}
    if kinds == {"functional"}:
        return _of_function(fields, problem, shown, hidden, options)
    if kinds - {"stdin"}:
        raise Unusable(f"its tests are of the kinds {', '.join(sorted(kinds))}")
    pairs = [[(test.get("input"), test.get("output")) for test in tests] for tests in (shown, hidden)]
    return stdio_task(problem, pairs[0], pairs[1], options)


def _tests(tests: list[Any]) -> list[dict[str, Any]]:
    if not all(isinstance(test, dict) for test in tests):
        raise Unusable("its tests are no objects")
    return tests


def _of_function(
    fields: Fields, problem: Problem, shown: list[dict[str, Any]], hidden: list[dict[str, Any]], options: Options
) -> Kept:
    refuse_unjudgeable(problem.statement, options)
    metadata = fields.json("metadata") or {}
    name = metadata.get("func_name") if isinstance(metadata, dict) else None
    heads = [each for each in signatures([fields.text("starter_code")]) if name in (None, each.name)]
    if not heads:
        raise Unusable("its starter code does not declare its function")
    # Each is decoded and encoded, so hundreds of tests that are left out in the end would take seconds.
    small = [test for test in hidden if len(str(test.get("input"))) <= options.max_test_bytes]
    return function_task(
        FunctionRecord(
            problem=problem,
            head=heads[-1],
            call=f"Solution().{heads[-1].name}",
            calls=tuple(_call(test) for test in (*shown, *small[: _SPARE * options.max_tests])),
            constants=JSON_CONSTANTS,
            shown=len(shown),
        ),
        options,
    )


def _call(test: dict[str, Any]) -> tuple[tuple[object, ...], object]:
    given, expected = test.get("input"), test.get("output")
    if not (isinstance(given, str) and isinstance(expected, str)):
        raise Unusable("a test is no pair of texts")
    lines = [line for line in given.split("\n") if line.strip()]
    return tuple(decode_json(line, "a test's input") for line in lines), decode_json(expected, "a test's output")
