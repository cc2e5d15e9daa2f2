"""Agentic unit tests: corrected, spoilt and malformed turns, what a turn shows, and when a conversation ends."""

from __future__ import annotations

from collections.abc import Callable

from engine.solve.strategies import Solution, find_strategy, solve
from engine.solve.strategies.board import TestStatus
from engine.solve.writers import Ask
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import RIGHT, UNTOLD, Family
from tests.engine.solve.strategies.scripted import ScriptedWriter, answers, program, unit_test

DOUBLE, TRIPLE = program(RIGHT), program("print(int(input()) * 3)")


def talk(programs: list[str], *turns: str, options: str = "") -> tuple[Solution, list[Ask]]:
    """Solve with one test, whose answers are `turns`, the last one repeated."""
    tester = ScriptedWriter(lambda ask, index: turns[min(_round(ask), len(turns) - 1)])
    coder = ScriptedWriter(answers(*programs))
    bench = bench_of(coder, tester, n=len(programs), m=1, problem=UNTOLD)
    return solve(find_strategy(f"agentic-tests{options}"), bench), tester.asks


def _round(ask: Ask) -> int:
    return int(ask.id.split("-")[1]) if ask.id.startswith("round") else 0


def pairs_of(solution: Solution) -> list[tuple[str, str]]:
    return [(test.input, test.output) for test in solution.tests]


def test_a_wrong_output_is_corrected_and_the_conversation_ends_when_it_is_kept() -> None:
    """Programs print 6, 6, 6, 9; the test says 9, then 6, then 6 again: three answers."""
    solution, asks = talk([DOUBLE, DOUBLE, DOUBLE, TRIPLE], unit_test("3", "9"), unit_test("3", "6"))
    assert pairs_of(solution) == [("3", "6")]
    assert [len(ask.messages) for ask in asks] == [1, 3, 5]
    shown = asks[1].messages[-1]["content"]
    assert shown.count("printed") == 2
    assert "```\n6\n```" in shown
    assert "```\n9\n```" in shown
    assert "The output of your test is among them" in shown
    assert [(test.output, test.status) for test in solution.retired] == [("9", TestStatus.REPLACED)]
    assert solution.remarks == ("round 1: 1 of 1 tests changed", "round 2: 0 of 1 tests changed")
    assert solution.program == RIGHT


def test_a_tester_that_follows_the_crowd_spoils_its_test() -> None:
    solution, _ = talk([TRIPLE, TRIPLE, TRIPLE, DOUBLE], unit_test("3", "6"), unit_test("3", "9"))
    assert pairs_of(solution) == [("3", "9")]


def test_a_malformed_turn_leaves_the_test_as_it_was_and_a_second_one_ends_the_conversation() -> None:
    solution, asks = talk([DOUBLE, TRIPLE], unit_test("3", "6"), "Well.")
    assert pairs_of(solution) == [("3", "6")]
    assert len(asks) == 3
    assert dict(solution.tester_answers) == {"ok": 1, "no_input": 2}


def test_a_first_answer_without_a_test_is_reminded_of_the_form() -> None:
    solution, asks = talk([DOUBLE], "Well.", unit_test("3", "6"))
    assert "does not hold a test" in asks[1].messages[-1]["content"]
    assert pairs_of(solution) == [("3", "6")]


def test_another_input_is_run_on_every_program() -> None:
    solution, asks = talk([DOUBLE, TRIPLE], unit_test("0", "0"), unit_test("5", "10"))
    assert pairs_of(solution) == [("5", "10")]
    assert [candidate.tests for candidate in solution.candidates] == [(True,), (False,)]
    assert asks[1].messages[-1]["content"].count("printed") == 1


def test_counts_are_shown_only_where_asked_for() -> None:
    crowd = [DOUBLE, DOUBLE, TRIPLE]
    _, plain = talk(crowd, unit_test("3", "6"))
    _, counted = talk(crowd, unit_test("3", "6"), options=":show_counts=yes,rounds=1")
    assert "printed by 2" not in plain[1].messages[-1]["content"]
    assert "printed by 2" in counted[1].messages[-1]["content"]


def test_rounds_end_the_conversations_and_every_part_of_the_family_plays() -> None:
    restless: Callable[[Ask, int], str] = lambda ask, index: unit_test(str(_round(ask)), str(2 * _round(ask)))  # noqa: E731
    tester = ScriptedWriter(restless)
    solve(find_strategy("agentic-tests:rounds=2"), bench_of(Family("right"), tester, n=2, m=3))
    assert [ask.id for ask in tester.asks] == ["tester", *(f"round-{r}-{k}" for r in (1, 2) for k in range(3))]
    solution = solve(find_strategy("agentic-tests"), bench_of(Family("mixed"), Family("right"), n=6, m=6))
    assert {int(test.output) for test in solution.tests} == {2 * int(test.input) for test in solution.tests}
