"""MPSC over real executions: specifications run confined, and decide between programs that tests leave tied."""

from __future__ import annotations

import pytest

from engine.sandbox import Executor
from engine.solve.strategies import Solution, find_strategy, solve
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import RIGHT, UNTOLD, WRONG, Family
from tests.engine.solve.strategies.scripted import ScriptedWriter, answers, program, unit_test

TIED = answers(unit_test("5", "10"), unit_test("3", "7"))  # the first is right; each program passes one of them
SPEC = "def accepts_input(text):\n    return {pre}\n\ndef accepts_output(text, output):\n    return {post}\n"
DOUBLES = SPEC.format(pre="int(text) >= 0", post="int(output) == 2 * int(text)")
TRUE = SPEC.format(pre="True", post="True")


def solved(executor: Executor, *specifications: str, n: int = 2) -> Solution:
    coder = ScriptedWriter(answers(program(WRONG[1]), program(RIGHT)))
    specifier = ScriptedWriter(answers(*map(program, specifications)))
    bench = bench_of(
        coder, ScriptedWriter(TIED), runner=executor, problem=UNTOLD, n=n, m=2, specifier=specifier
    )  # fmt: skip
    return solve(find_strategy(f"mpsc:specs={len(specifications)}"), bench)


def test_a_specification_decides_where_the_tests_leave_programs_tied(executor: Executor) -> None:
    without, with_one = solved(executor), solved(executor, DOUBLES)
    assert [candidate.votes for candidate in with_one.candidates] == [1, 1]
    assert (without.program, with_one.program) == (WRONG[1], RIGHT)
    assert with_one.remarks == (
        "1 of 1 specifications run, 0 of them accept everything or nothing, 1 reject an output of a program",
    )
    assert [(each.stage, str(each.part)) for each in with_one.trail][-1] == ("sample", "specifier")


@pytest.mark.parametrize(
    ("specification", "remark"),
    [
        (TRUE, "1 of 1 specifications run, 1 of them accept everything or nothing"),
        (TRUE + "x = 1 / 0", "0 of 1 specifications run, 0 of them accept everything or nothing"),
        ("from __future__ import annotations\nprint('hello')\n" + TRUE, "1 of 1 specifications run, 1"),
        (SPEC.format(pre="1 / 0", post="True"), "1 of 1 specifications run, 1"),
        (TRUE + "import os\nos._exit(0)", "0 of 1 specifications run"),
        (TRUE + "while True: pass", "0 of 1 specifications run"),
        ("def accepts_input(text): return True", "0 of 1 specifications run"),
        (TRUE + "while", "0 of 1 specifications run"),
        ("x = 1 / 0", "0 of 1 specifications run"),
    ],
)
def test_a_specification_that_says_nothing_or_fails_decides_nothing(
    executor: Executor, specification: str, remark: str
) -> None:
    solution = solved(executor, specification)
    assert solution.program == WRONG[1]  # a tie, for the first sample
    assert solution.remarks[0].startswith(remark)


def test_all_parts_of_the_family_play_together(executor: Executor) -> None:
    family = Family("right")
    solution = solve(find_strategy("mpsc"), bench_of(family, family, runner=executor, n=3, m=3))
    assert (solution.program, solution.select) == (RIGHT, "mpsc")
    assert family.asked.count("specification") == 8


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("Let me think.", "does not hold accepts_input(text) and accepts_output(text, output) in a block"),
        (program("def accepts_input(text):\n    return True"), "does not hold accepts_input(text) and accepts_output"),
        ("", "was empty"),
    ],
)
def test_a_malformed_specification_is_asked_for_once_more_with_what_was_wrong(
    executor: Executor, first: str, said: str
) -> None:
    specifier = ScriptedWriter(lambda ask, index: program(DOUBLES) if ask.id.endswith("form") else first)
    coder = ScriptedWriter(answers(program(WRONG[1]), program(RIGHT)))
    bench = bench_of(coder, ScriptedWriter(TIED), runner=executor, problem=UNTOLD, n=2, m=2, specifier=specifier)
    solution = solve(find_strategy("mpsc:specs=2"), bench)
    assert [ask.id for ask in specifier.asks] == ["specification", "specification-0-form", "specification-1-form"]
    question = specifier.asks[-1].messages
    assert [message["role"] for message in question] == ["user", "assistant", "user"]
    assert question[1]["content"]
    assert f"Your answer {said}" in question[2]["content"]
    assert solution.remarks[0].startswith("2 of 2 specifications run")
    assert solution.program == RIGHT
    told = {str(each.part): each.cost.answers for each in solution.trail}
    assert told == {"coder": 2, "tester": 2, "specifier": 4}
