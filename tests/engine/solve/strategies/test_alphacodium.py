"""AlphaCodium: the cases worked out by hand, the stages and what they ask, anchors, limits, and what is kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from engine.problems import IOExample
from engine.sandbox import Outcome, Status
from engine.solve.selectors import find_selector
from engine.solve.strategies import Solution, find_strategy, solve
from engine.solve.strategies.alphacodium import distance_of
from engine.solve.strategies.board import TestStatus
from engine.solve.writers import Ask
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import RIGHT, TASK, UNTOLD, WRONG, Family
from tests.engine.solve.strategies.scripted import ScriptedWriter, program

PLUS_ONE = "print(int(input()) + 1)"
FIVE = "n = int(input())\nprint(5 if n == 2 else n + 1)"
ONE_TO_TWO = replace(UNTOLD, public=(IOExample("1", "2"),))
PLANS = "**Plan 1:**\n```\nBrute force\ntry all\n```\n**Plan 2:**\n```\nDouble\n```\n**Plan 3:**\n```\nShift\n```"


def suite(*pairs: tuple[str, str]) -> str:
    return "\n".join(
        f"**Test Input {place}:**\n```\n{stdin}\n```\n**Test Output {place}:**\n```\n{output}\n```\n"
        for place, (stdin, output) in enumerate(pairs, 1)
    )


def develop(
    programs: Sequence[str],
    *tests: tuple[str, str],
    options: str = "validate=off",
    repair: Callable[[Ask], str] = lambda ask: PLUS_ONE,
    vote: Callable[[Ask], str] = lambda ask: "Well.",
    problem: object = ONE_TO_TWO,
) -> tuple[Solution, list[str], list[Ask]]:
    """Solve. programs: the coder's first ones in turn; repair: each later one's source; vote: the tester's outputs.

    Return the solution, the ids of all questions in order, and the questions.
    """
    asks: list[Ask] = []

    def coder(ask: Ask, index: int) -> str:
        asks.append(ask)
        kind, *rest = ask.id.split("-")
        if kind in ("plans", "choose"):
            return PLANS if kind == "plans" else "**Plan:**\n```\ndouble it, step by step\n```"
        if kind == "code":
            return program(programs[int(rest[0]) % len(programs)])
        return "It must double." if ask.id.endswith("analysis") else program(repair(ask))

    def tester(ask: Ask, index: int) -> str:
        asks.append(ask)
        if ask.id == "reflect":
            return "Print 2 n."
        return suite(*tests) if ask.id.startswith("tests") else vote(ask)

    bench = bench_of(ScriptedWriter(coder), ScriptedWriter(tester), problem=problem, m=16)  # type: ignore[arg-type]
    solution = solve(find_strategy(f"alphacodium:{options}"), bench)
    return solution, [ask.id for ask in asks], asks


def in_turn(*sources: str) -> Callable[[Ask], str]:
    left = list(sources)
    return lambda ask: left.pop(0)


def repairs_of(ids: Sequence[str]) -> list[str]:
    return [name for name in ids if name.startswith("test-")]


def test_a_wrong_test_that_is_repaired_becomes_an_anchor_and_blocks_the_right_program() -> None:
    solution, ids, _ = develop([PLUS_ONE], ("2", "5"), ("3", "6"), repair=in_turn(FIVE, RIGHT))
    assert solution.program == FIVE
    assert repairs_of(ids) == ["test-1", "test-2"]
    assert solution.remarks == ("1 of 1 examples and 1 of 2 tests are anchors",)


def test_a_vote_that_corrects_the_test_lets_the_right_program_through() -> None:
    def right(ask: Ask) -> str:
        return Family("right").answer(ask.messages, 0)

    solution, ids, _ = develop(
        [PLUS_ONE], ("2", "5"), ("3", "6"), repair=in_turn(RIGHT), vote=right, options="validate=vote"
    )
    assert solution.program == RIGHT
    assert repairs_of(ids) == ["test-1"]
    assert solution.remarks == ("1 of 1 examples and 2 of 2 tests are anchors",)
    assert [(test.output, test.status) for test in solution.tests] == [
        ("4", TestStatus.CONFIRMED), ("6", TestStatus.CONFIRMED),
    ]  # fmt: skip
    assert [(test.output, test.status) for test in solution.retired] == [("5", TestStatus.REPLACED)]


@pytest.mark.parametrize("failing", [0, 1, 3])
def test_repairs_of_tests_are_limited_but_not_those_of_the_examples_after_them(failing: int) -> None:
    """Six tests fail, and no repair helps: 4 repairs, and one for each failing example."""
    examples = tuple(IOExample(str(n), str(n + 1 if n >= failing else -1)) for n in range(4))
    tests = [(str(n), "?") for n in range(10, 16)]
    problem = replace(UNTOLD, public=examples)
    _, ids, _ = develop([PLUS_ONE], *tests, options="validate=off,code_attempts=0", problem=problem)
    assert len(repairs_of(ids)) == 4 + failing


def test_the_stages_ask_in_order_and_by_their_temperatures() -> None:
    solution, ids, asks = develop([RIGHT], ("5", "10"))
    assert ids == ["reflect", "plans", "choose", "tests", "code-0"]
    assert [ask.temperature for ask in asks] == [0.2, 0.3, 0.2, 0.2, 0.3]
    assert [(each.stage, str(each.part), each.cost.answers) for each in solution.trail] == [
        ("plan", "tester", 2), ("plan", "coder", 1), ("plan", "judge", 1), ("code", "coder", 1),
    ]  # fmt: skip
    shown = asks[2].messages[0]["content"]
    assert "Double" in shown
    assert "try all" not in shown  # brute force
    assert "double it, step by step" in asks[4].messages[-1]["content"]
    assert "Print 2 n." in asks[4].messages[-1]["content"]
    assert "Example 1\nInput:\n```\n1\n```" in asks[0].messages[0]["content"]


def test_later_programs_follow_all_plans_in_turn_and_the_nearest_one_goes_on() -> None:
    sources = [WRONG[0], "print(int(input()) + 9)", "print(3 * int(input()))", "print()"]
    solution, ids, asks = develop(sources, options="validate=off,tests=0,example_repairs=0")
    assert [name for name in ids if name.startswith("code")] == [f"code-{n}" for n in range(9)]
    plans = [ask.messages[-1]["content"] for ask in asks if ask.id.startswith("code")]
    chosen = ["step by step" in text for text in plans]
    assert chosen == [True] * 2 + [False] * 7
    assert ["\nDouble\n" in text for text in plans[2:]] == [True, False] * 3 + [True]
    assert solution.program == WRONG[0]  # prints 1, as near to 2 as 3 is, and came first


def test_a_repair_of_an_example_is_an_analysis_and_a_program() -> None:
    examples = (IOExample("1", "2"), IOExample("3", "6"))
    solution, ids, asks = develop(
        [PLUS_ONE], options="validate=off,tests=0,code_attempts=0", repair=in_turn("print(6)", RIGHT),
        problem=replace(UNTOLD, public=examples),
    )  # fmt: skip
    assert ids[-4:] == ["example-1-0-analysis", "example-1-0", "example-1-1-analysis", "example-1-1"]
    # print(6) breaks the anchor 1 -> 2: the second repair begins with the program before it
    assert PLUS_ONE in asks[-2].messages[-2]["content"]
    assert [len(ask.messages) for ask in asks[-4:]] == [3, 5, 3, 5]
    assert "It must double." in asks[-1].messages[-2]["content"]
    assert (solution.program, solution.candidates[2].parent) == (RIGHT, 0)


@pytest.mark.parametrize(("examples", "repairs"), [(1, [4]), (2, [3, 1]), (3, [3, 1, 0])])
def test_repairs_of_examples_are_limited_in_all_and_for_each(examples: int, repairs: list[int]) -> None:
    public = tuple(IOExample(str(n), "?") for n in range(examples))
    _, ids, _ = develop(
        [PLUS_ONE], options="validate=off,tests=0,code_attempts=0", problem=replace(UNTOLD, public=public)
    )
    own = [name for name in ids if name.startswith("example") and not name.endswith("analysis")]
    assert [sum(name.startswith(f"example-{number}-") for name in own) for number in range(examples)] == repairs


def test_a_repair_that_no_longer_crashes_is_accepted_but_its_test_is_no_anchor() -> None:
    crash = "n = int(input())\nprint(2 if n == 1 else 1 // 0)"
    solution, _, _ = develop([crash], ("3", "6"), repair=lambda ask: PLUS_ONE)
    assert solution.program == PLUS_ONE
    assert solution.remarks == ("1 of 1 examples and 0 of 1 tests are anchors",)


def test_without_examples_confirmed_tests_stand_for_them() -> None:
    def right(ask: Ask) -> str:
        return Family("right").answer(ask.messages, 0)

    solution, ids, _ = develop(
        [PLUS_ONE, RIGHT], ("3", "6"), vote=right, options="validate=vote", problem=UNTOLD
    )  # fmt: skip
    assert [name for name in ids if name.startswith("code")] == ["code-0", "code-1"]
    assert solution.program == RIGHT
    _, unchecked, _ = develop([PLUS_ONE, RIGHT], ("3", "6"), options="validate=off", problem=UNTOLD)
    assert [name for name in unchecked if name.startswith("code")] == ["code-0"]


def test_one_more_opinion_replaces_the_tests() -> None:
    solution, ids, asks = develop([RIGHT], ("5", "10"), options="validate=once")
    assert ids[3:5] == ["tests", "tests-again"]
    assert len(asks[4].messages) == 3
    assert [test.output for test in solution.tests] == ["10"]


def test_a_malformed_answer_is_asked_for_once_more_and_counted() -> None:
    family = Family("malformed")
    tester = family.writer()
    solution = solve(find_strategy("alphacodium:code_attempts=0"), bench_of(Family("right"), tester))
    assert [ask.id for ask in tester.asks] == ["reflect", "tests", "tests-0-form"]
    again = tester.asks[-1].messages
    assert again[-2] == {"role": "assistant", "content": "I would rather talk about the weather."}
    assert "does not hold a block under **Test Input 1:**" in again[-1]["content"]
    assert sum(each.cost.answers for each in solution.trail if each.part == "tester") == 3
    assert solution.program == RIGHT


def test_a_selector_of_the_users_chooses_among_all_programs_ever_written() -> None:
    family = Family("mixed")
    bench = bench_of(family, family, selector=find_selector("majority"))
    assert solve(find_strategy("alphacodium"), bench).select == "majority"
    own = solve(find_strategy("alphacodium"), replace(bench, selector=None))
    assert (own.select, own.scores) == ("", ())


def test_a_flow_without_plans_and_tests_is_a_repair_of_the_examples() -> None:
    solution, ids, _ = develop(
        [PLUS_ONE], options="solutions=0,tests=0", problem=replace(TASK, public=(IOExample("4", "8"),)),
        repair=lambda ask: RIGHT,
    )  # fmt: skip
    assert ids[0] == "reflect"
    assert not {"plans", "choose", "tests"} & set(ids)
    assert solution.program == RIGHT


@pytest.mark.parametrize(
    ("printed", "expected", "distance"),
    [
        ("3\n", "5", 2.0),
        ("1\n2\n", "1\n4", 2.0),
        ("1 2\n", "1 3", 1.0),
        ("a\nb\n", "a\nc\nd", 2.0),
        ("1\n", "1\n2", 1.0),
        ("", "5", math.inf),
        ("inf\n", "5", math.inf),
        ("5\n", "5", 0.0),
    ],
)
def test_the_distance_of_an_output(printed: str, expected: str, distance: float) -> None:
    assert distance_of(Outcome(Status.OK, printed), expected) == distance
    assert distance_of(Outcome(Status.TIME_LIMIT, printed), expected) == math.inf
