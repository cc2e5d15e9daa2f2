"""S*: the cases worked out by hand, what is asked in which order, and what a judge can and cannot decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from engine.solve.strategies import Solution, find_strategy, solve
from engine.solve.strategies.sstar import points_of
from engine.solve.writers import Ask
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import RIGHT, UNTOLD, WRONG, Family
from tests.engine.solve.strategies.scripted import ScriptedWriter, answers, program


def table(printed: Mapping[int, str]) -> str:
    """Return a program that prints so on these inputs, and fails on others."""
    return program(f"print({dict(printed)}[int(input())])")


def inputs(*numbers: int) -> str:
    return "\n".join(f"**Input {place}:**\n```\n{number}\n```" for place, number in enumerate(numbers, 1))


class Judge:
    """Tester, and judge of programs by a table of (first source, second source)."""

    def __init__(self, verdicts: Mapping[tuple[str, str], str]) -> None:
        self.verdicts, self.asked = verdicts, list[str]()

    def __call__(self, ask: Ask, index: int) -> str:
        self.asked.append(ask.id)
        if not ask.id.startswith("judge"):
            return inputs(1, 2)
        blocks = ask.messages[0]["content"].split("```")
        return f"**Choice:** {self.verdicts.get((blocks[1].strip(), blocks[3].strip()), 'first')}"


def judged(programs: list[str], verdicts: Mapping[tuple[int, int], str]) -> tuple[Solution, list[str]]:
    """Solve with these programs. verdicts: the winner of a pair in both orders; of others the judge takes the first."""
    sources = [text.split("```python\n")[1].split("\n```")[0] for text in programs]
    said = {}
    for (one, two), winner in verdicts.items():
        places = {"equal": ("equal", "equal"), "one": ("first", "second"), "two": ("second", "first")}[winner]
        said[sources[one], sources[two]], said[sources[two], sources[one]] = places
    judge = Judge(said)
    coder = ScriptedWriter(answers(*programs))
    bench = bench_of(coder, ScriptedWriter(judge), n=len(programs), m=0, problem=UNTOLD)
    return solve(find_strategy("sstar"), replace(bench, judge=ScriptedWriter(judge))), judge.asked


THREE = [table({1: "1", 2: "5"}), table({1: "1", 2: "6"}), table({1: "2", 2: "6"}), program("print(1 // 0)")]


def test_the_cluster_with_most_points_wins_and_the_crashing_program_is_in_none() -> None:
    solution, asked = judged(THREE, {(0, 1): "equal", (0, 2): "two", (1, 2): "one"})
    assert solution.chosen == 1
    assert [sum(name.startswith(kind) for name in asked) for kind in ("inputs", "apart", "judge")] == [1, 3, 6]


def test_verdicts_that_depend_on_the_order_are_lost_and_the_code_alone_decides_then() -> None:
    solution, asked = judged(THREE, {})  # always "first"
    assert solution.chosen == 0
    assert sum(name.startswith("judge-code") for name in asked) == 6
    assert solution.remarks == tuple(
        f"the judge, by {shown}, said the same in both orders of 0 of 3 pairs" for shown in ("outputs", "code alone")
    )


@pytest.mark.parametrize(
    ("said", "points"),
    [
        ({(0, 1): "equal", (1, 0): "equal", (0, 2): "second", (2, 0): "first", (1, 2): "first", (2, 1): "second"},
         [0.5, 1.5, 1.0]),
        ({(0, 1): "first", (1, 0): "first"}, [0.0, 0.0, 0.0]),
        ({(0, 1): "first", (1, 0): "equal"}, [0.0, 0.0, 0.0]),
        ({(0, 1): "first", (1, 0): None}, [0.0, 0.0, 0.0]),
    ],
)  # fmt: skip
def test_only_what_the_judge_says_in_both_orders_counts(said: dict[tuple[int, int], str], points: list[float]) -> None:
    assert points_of(3, said) == points  # type: ignore[arg-type]


def test_a_sample_that_passes_the_examples_is_not_repaired_and_one_that_fails_is_asked_twice() -> None:
    passing = Family("right")
    solve(find_strategy("sstar"), bench_of(passing, Family("right"), n=1, m=0))
    assert passing.asked == ["program"]
    failing = ScriptedWriter(lambda ask, index: program(f"print({len(ask.messages)})"))
    solution = solve(find_strategy("sstar"), bench_of(failing, Family("right"), n=1, m=0))
    assert [(ask.id, len(ask.messages)) for ask in failing.asks] == [("coder", 1), ("repair-1-0", 3), ("repair-2-0", 5)]
    assert (solution.program, solution.candidates[2].parent) == ("print(5)", 1)
    assert "it fails an example" in solution.candidates[1].why


def test_a_right_judge_finds_the_right_program_among_wrong_ones_that_pass_the_example() -> None:
    """All pass the example 4 -> 8; +4 fails elsewhere, and is in the majority."""
    coder = ScriptedWriter(answers(program(WRONG[1]), program(WRONG[1]), program(RIGHT)))
    tester = ScriptedWriter(lambda ask, index: Family("right").answer(ask.messages, ask.seed + index))
    solution = solve(find_strategy("sstar"), bench_of(coder, tester, n=3, m=0, judge=Family("right").writer()))
    assert solution.program == RIGHT
    assert [(each.stage, str(each.part)) for each in solution.trail] == [
        ("generate", "coder"), ("select", "tester"), ("select", "judge"),
    ]  # fmt: skip
    assert tester.asks[0].temperature is None


def test_the_judge_is_asked_at_temperature_0() -> None:
    coder = ScriptedWriter(answers(program(WRONG[1]), program(RIGHT)))
    judge = Family("right").writer()
    solve(find_strategy("sstar"), bench_of(coder, Family("right"), n=2, m=2, judge=judge))
    assert {ask.temperature for ask in judge.asks} == {0.0}


def test_a_judge_without_a_choice_is_asked_once_more() -> None:
    """Only the second answer holds the form; the vote then counts as any other."""
    family = Family("right")

    def judge(ask: Ask, index: int) -> str:
        return family.answer(ask.messages, 0) if ask.id.endswith("form") else "Both have their merits."

    coder = ScriptedWriter(answers(program(WRONG[1]), program(RIGHT)))
    judging = ScriptedWriter(judge)
    solution = solve(find_strategy("sstar"), bench_of(coder, Family("right"), n=2, m=0, judge=judging))
    assert [ask.id for ask in judging.asks] == [
        "judge-outputs-0-1", "judge-outputs-1-0", "judge-outputs-0-1-0-form", "judge-outputs-1-0-0-form",
    ]  # fmt: skip
    assert {ask.temperature for ask in judging.asks} == {0.0}
    assert "does not hold the line **Choice:**" in judging.asks[-1].messages[-1]["content"]
    assert solution.program == RIGHT
