"""CoSPlay: the cases worked out by hand, what is repaired, refreshed and replaced, and how a tie is decided."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.prompts import PromptStyle
from engine.solve.selectors import find_selector
from engine.solve.strategies import Solution, find_strategy, solve
from engine.solve.strategies.board import TestStatus
from engine.solve.strategies.coplay import weakest
from engine.solve.writers import Ask
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import RIGHT, TASK, UNTOLD, WRONG, Family
from tests.engine.solve.strategies.scripted import Reply, ScriptedWriter, answers, program, unit_test
from tests.engine.solve.strategies.test_sstar import inputs, table


def play(
    programs: list[str],
    tests: list[str],
    *,
    coder: Callable[[Ask], str] = lambda ask: "Well.",
    tester: Callable[[Ask], str] = lambda ask: "Well.",
    options: str = ":plans=0",
) -> tuple[Solution, list[Ask], list[Ask]]:
    """Solve. coder, tester: answers to whatever is asked after the samples."""
    first: Reply = answers(*programs)
    given: Reply = answers(*tests)
    writers = (
        ScriptedWriter(lambda ask, index: first(ask, index) if ask.id == "coder" else coder(ask)),
        ScriptedWriter(lambda ask, index: given(ask, index) if ask.id == "tester" else tester(ask)),
    )
    bench = bench_of(*writers, n=len(programs), m=len(tests), problem=UNTOLD)
    return solve(find_strategy(f"coplay{options}"), bench), writers[0].asks, writers[1].asks


@pytest.mark.parametrize(
    ("values", "full", "places"),
    [
        ([3, 3, 1], 4, [2]),
        ([2, 2, 0, 3], 3, [2]),
        ([1, 1, 1, 1], 4, [3]),
        ([4, 4, 4, 4], 4, []),
        ([5], 6, []),
        ([5, 4], 6, [1]),
        ([], 0, []),
        ([9, 9, 9, 9, 1, 1, 0, 2], 9, [6, 5]),  # the later of equal ones first
        ([2, 0, 0], 4, [2]),
    ],
)
def test_the_quarter_with_the_least_values_is_weak_but_nothing_of_the_top_half(
    values: list[int], full: int, places: list[int]
) -> None:
    assert weakest(values, full) == places


ROW = {0: "0", 1: "2", 2: "x", 3: "6"}
"""Prints of a program that passes tests 0, 1 and 3 of four; 2 expects 4."""
FOUR = [unit_test(str(n), str(2 * n)) for n in range(4)]


def test_the_weakest_program_is_shown_the_failed_test_that_most_pass_and_the_test_of_none_has_a_turn() -> None:
    """a = (3, 3, 1), b = (2, 2, 0, 3): program 2 is repaired by test 0, and test 2 is refreshed."""
    weak = table({0: "?", 1: "?", 2: "?", 3: "6"})
    _, coder, tester = play([table(ROW), table(ROW), weak], FOUR, options=":plans=0,rounds=1")
    (repair, _) = [ask for ask in coder if ask.id.startswith(("repair", "fresh"))]
    assert repair.id == "repair-1-2"
    assert "Input:\n```\n0\n```" in repair.messages[-1]["content"]
    assert "Expected output:\n```\n0\n```" in repair.messages[-1]["content"]
    turn, new = [ask for ask in tester if ask.id.startswith(("turn", "new"))]
    assert (turn.id, new.id) == ("turn-1-2", "new-1-2")
    shown = turn.messages[-1]["content"]
    assert "```\nx\n```" in shown
    assert "?" not in shown.partition("What they did:")[2].partition("Work out")[0]  # of the strong half alone


def test_a_repair_takes_its_place_only_if_it_passes_no_less() -> None:
    weak = table({0: "?", 1: "?", 2: "?", 3: "6"})
    worse, _, _ = play([table(ROW), table(ROW), weak], FOUR, coder=lambda ask: table({3: "?"}))
    assert worse.remarks[0] == "round 1: 0 programs and 0 tests changed"
    better, _, _ = play([table(ROW), table(ROW), weak], FOUR, coder=lambda ask: program(RIGHT))
    assert better.program == RIGHT
    assert (better.candidates[3].parent, better.candidates[3].why) == (2, "it fails a test")


def test_a_turn_that_corrects_a_test_keeps_it_and_one_that_does_not_is_followed_by_a_new_test() -> None:
    wrong = [unit_test("0", "0"), unit_test("1", "2"), unit_test("2", "9"), unit_test("3", "6")]
    right, _, asked = play([program(RIGHT)] * 3, wrong, tester=lambda ask: unit_test("2", "4"))
    assert [(test.input, test.output) for test in right.tests] == [(str(n), str(2 * n)) for n in range(4)]
    assert [ask.id for ask in asked] == ["tester", "turn-1-2"]
    assert [(test.output, test.status) for test in right.retired] == [("9", TestStatus.REPLACED)]

    def stubborn(ask: Ask) -> str:
        return unit_test("7", "14") if ask.id.startswith("new") else unit_test("2", "9")

    replaced, _, asked = play([program(RIGHT)] * 3, wrong, tester=stubborn)
    assert [ask.id for ask in asked] == ["tester", "turn-1-2", "new-1-2"]
    assert ("7", "14") in [(test.input, test.output) for test in replaced.tests]


def test_a_malformed_test_is_reminded_of_the_form() -> None:
    solution, _, asked = play(
        [program(WRONG[0]), program(WRONG[0])], ["Well.", unit_test("3", "6")], tester=lambda ask: unit_test("5", "25")
    )
    assert [ask.id for ask in asked][:2] == ["tester", "turn-1-0"]
    assert "does not hold a test" in asked[1].messages[-1]["content"]
    assert [test.input for test in solution.tests] == ["5", "5"]


def test_a_program_without_a_test_to_show_is_replaced_by_one_of_the_best_plan() -> None:
    """The plans' programs in turn: right, useless, right, useless; the best plan is the first."""

    def coder(ask: Ask, index: int) -> str:
        if ask.id == "plans":
            return "**Plan 1:**\n```\ndouble\n```\n**Plan 2:**\n```\nsquare\n```"
        return "no program" if ask.id == "plan-1" else program(RIGHT)

    writer = ScriptedWriter(coder)

    def tester(ask: Ask, index: int) -> str:
        wrong = ask.id == "tester" and index == 1
        return f"Forget {ask.id}" if ask.id.startswith("mist") else unit_test("3", "7" if wrong else "6")

    tests = ScriptedWriter(tester)
    solution = solve(find_strategy("coplay"), bench_of(writer, tests, n=4, m=4, problem=UNTOLD))
    (fresh,) = [ask for ask in writer.asks if ask.id.startswith("fresh")]
    assert fresh.id == "fresh-1-3"
    assert "```\ndouble\n```" in fresh.messages[-1]["content"]
    assert [ask.id for ask in writer.asks][:3] == ["plans", "plan-0", "plan-1"]
    assert [(ask.id, ask.n) for ask in tests.asks[:5]] == [
        ("mistakes-0", 1), ("mistakes-1", 1), ("tester", 2), ("aimed-0", 1), ("aimed-1", 1),
    ]  # fmt: skip
    assert "Forget mistakes-1" in tests.asks[4].messages[-1]["content"]
    assert solution.program == RIGHT


def test_a_tie_goes_to_the_largest_group_on_further_inputs() -> None:
    """Rows 0, 1, 2 print (7, 8), (7, 9), (7, 8) on the further inputs 1 and 2: row 0."""
    tied = [table({0: "0", 1: "7", 2: second}) for second in ("8", "9", "8")]
    solution, _, asked = play(tied, [unit_test("0", "0")], tester=lambda ask: inputs(1, 2), options=":plans=0,rounds=0")
    assert [ask.id for ask in asked] == ["tester", "inputs"]
    assert solution.chosen == 0
    turned, _, _ = play(
        tied[1:] + tied[:1], [unit_test("0", "0")], tester=lambda ask: inputs(1, 2), options=":rounds=0"
    )
    assert turned.chosen == 1


def test_play_ends_where_the_leaders_pass_everything_and_agree() -> None:
    solution, coder, tester = play([program(RIGHT)] * 2 + [program(WRONG[0])], FOUR)
    assert ([ask.id for ask in coder], [ask.id for ask in tester]) == (["coder"], ["tester"])
    assert (solution.program, solution.remarks) == (RIGHT, ())


def test_a_failed_example_is_shown_before_any_test() -> None:
    coder = ScriptedWriter(answers(program(RIGHT), program(RIGHT), program(WRONG[2]), program("print(0)")))
    tester = ScriptedWriter(answers(unit_test("0", "0"), unit_test("1", "2"), unit_test("2", "5")))
    solve(find_strategy("coplay:plans=0,rounds=1"), bench_of(coder, tester, n=4, m=3, problem=TASK))
    (repair,) = [ask for ask in coder.asks if ask.id.startswith("repair")]
    assert repair.id == "repair-1-3"
    assert "Input:\n```\n4\n```" in repair.messages[-1]["content"]


def test_models_that_cannot_converse_only_replace() -> None:
    short = {"style": PromptStyle.SHORT}
    coder = ScriptedWriter(answers(program(RIGHT), program(WRONG[0]), program(WRONG[1])), **short)
    tester = ScriptedWriter(answers(unit_test("3", "6"), unit_test("5", "8"), unit_test("6", "12")), **short)
    solution = solve(find_strategy("coplay:rounds=1"), bench_of(coder, tester, n=3, m=3, problem=UNTOLD))
    kinds = {ask.id.partition("-")[0] for ask in (*coder.asks, *tester.asks)}
    assert kinds == {"coder", "tester", "fresh", "new"}
    assert {len(ask.messages) for ask in (*coder.asks, *tester.asks)} == {1}
    assert solution.program == RIGHT


def test_a_selector_of_the_users_chooses_in_the_end() -> None:
    family = Family("mixed")
    bench = bench_of(family, family, n=4, m=4, selector=find_selector("majority"))
    solution = solve(find_strategy("coplay"), bench)
    assert solution.select == "majority"


def test_the_usual_cost_is_that_of_the_definition() -> None:
    assert find_strategy("coplay").usual_answers(16, 16)[0] == 16 + 16 + 4 + 1
