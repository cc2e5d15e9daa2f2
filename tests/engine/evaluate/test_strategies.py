"""Strategies over an evaluation's answers: the choices of solving, equal budgets, and nothing asked twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.evaluate.folder import Evaluation
from engine.evaluate.run import CHUNK_TASKS
from engine.evaluate.ways import find_way
from engine.evaluation.report import Report
from engine.evaluation.strategies import points
from engine.problems import IOExample, Problem
from engine.prompts import Program, Role
from engine.rollouts.executing import execute
from engine.sandbox import Executor, passes
from engine.sandbox.judging import AS_A_PROCESS
from engine.solve.strategies import Bench, solve
from tests.engine.evaluate.given import Given, new_evaluation, request_for, run, sums
from tests.engine.solve.strategies.family import TASK, Family

EXAMPLE = (IOExample("1 1\n", "2\n"),)
CHOICES = ("bon", "codet", "single", "consensus", "consensus:weight=8", "b4", "majority", "bon/mpsc")


def with_examples(tasks: int) -> list[Problem]:
    return [replace(problem, public=EXAMPLE if number % 2 else ()) for number, problem in enumerate(sums(tasks))]


def doubles(tasks: int) -> list[Problem]:
    """Make tasks for the scripted family, which can converse."""
    hidden = tuple(IOExample(str(number), str(2 * number)) for number in (0, 3, 12))
    return [replace(TASK, id=f"double-{number}", hidden=hidden, source="") for number in range(tasks)]


class Fickle(Given):
    """Writer of the scripted family: answers any question by its text and seed alone."""

    character = "mixed"

    def write(self, asks):  # type: ignore[no-untyped-def]
        family = Family(self.character)
        for answer in family.writer().write(asks):
            if len(self.asked) >= self.fails_after:
                raise RunError("the server has gone", "start it again")
            self.asked.append((answer.ask_id, answer.index))
            yield replace(answer, tokens=30, prompt_tokens=10)


def solved_by(name: str, problem: Problem, evaluation: Evaluation, executor: Executor, k: int) -> float:
    """Return whether solving by that way from the evaluation's first k x k answers chooses a right program."""

    class Again(Given):
        def write(self, asks):  # type: ignore[no-untyped-def]
            for ask in asks:
                for index in ask.indices:
                    yield replace(texts[ask.role][index], ask_id=ask.id)

    texts = {role: answers_of(problem, role) for role in Role}
    way = find_way(name)
    bench = Bench(problem, problem.statement, Again(), Again(), executor, k, k, selector=way.selector)
    solution = solve(way.strategy, bench)
    assert solution.chosen is not None
    source = solution.candidates[solution.chosen].source
    if source is None:
        return 0.0
    outcomes = execute(Program(source), [test.input for test in problem.hidden], executor, 1.0).by_input()
    return float(all(passes(outcomes[test.input], test.output, AS_A_PROCESS) for test in problem.hidden))


def answers_of(problem: Problem, role: Role) -> list:  # type: ignore[type-arg]
    """Return the answers that `Given` has given to the evaluation's question."""
    from engine.seeds import derive_seed
    from engine.solve.writers import Ask

    return list(Given().write([Ask("", role, (), 4, derive_seed(0, str(role), problem.id))]))


def right(report: Report, name: str, size: str) -> list[float | None]:
    return [row.ways[name][size].right for row in report.rows]


def test_every_selector_chooses_as_solving_does_from_the_same_answers(tmp_path: Path, executor: Executor) -> None:
    problems = with_examples(12)
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, problems, strategies=CHOICES))
    report = run(evaluation, executor, Given())
    for name in CHOICES:
        if name in ("bon", "single"):  # bon may end before all tests are here; single is a mean over all programs
            continue
        assert right(report, name, "4x4") == [
            solved_by(name, problem, evaluation, executor, 4) for problem in problems
        ], name
    assert right(report, "single", "2x2") == [row.figures["code"] for row in report.rows]
    without = [row for row, problem in zip(report.rows, problems, strict=True) if not problem.public]
    assert all(row.ways["bon"]["4x4"].right is not None for row in without)


def test_all_ways_have_the_same_answers_at_each_size(tmp_path: Path, executor: Executor) -> None:
    report = run(new_evaluation(tmp_path, request_for(tmp_path, sums(3), strategies=CHOICES)), executor, Given())
    for row in report.rows:
        assert set(row.ways) == set(CHOICES)
        for name in CHOICES:
            assert set(row.ways[name]) == {"1x1", "2x2", "4x4"}
            assert row.ways[name]["4x4"].answers == (1 if name == "single" else 8)
        assert row.ways["bon"]["4x4"].tokens == row.spent.tokens
        assert row.ways["bon"]["2x2"].tokens * 2 == row.spent.tokens  # the mean over both blocks


def test_points_are_means_over_tasks_and_differences_are_paired(tmp_path: Path, executor: Executor) -> None:
    report = run(
        new_evaluation(tmp_path, request_for(tmp_path, sums(20), strategies=("bon", "single"))), executor, Given()
    )
    found = {(point.way, point.size): point for point in points(report.rows)}
    assert [size for way, size in found if way == "bon"] == ["1x1", "2x2", "4x4"]
    bon, single = found["bon", "4x4"], found["single", "4x4"]
    assert bon.difference is None
    assert single.accuracy.mean == report.totals.figures["code"].mean
    assert single.difference is not None
    deltas = [
        (one or 0) - (other or 0)
        for one, other in zip(right(report, "single", "4x4"), right(report, "bon", "4x4"), strict=True)
    ]
    mean = sum(deltas) / 20
    error = (sum((delta - mean) ** 2 for delta in deltas) / 19 / 20) ** 0.5
    assert single.difference.mean == pytest.approx(mean)
    assert single.difference.standard_error == pytest.approx(error)
    assert points([replace(row, ways={}) for row in report.rows]) == []


def evaluated(
    folder: Path, names: Sequence[str], problems: Sequence[Problem], name: str, **fields: object
) -> Evaluation:
    given = {"n": 8, "m": 8, "bon": ("8x8",)} | fields
    return new_evaluation(folder, request_for(folder, problems, strategies=tuple(names), **given), name)


def test_conversations_start_from_the_board_and_are_asked_once(tmp_path: Path, executor: Executor) -> None:
    names, problems = ("bon", "auto", "agentic-tests", "mpsc:specs=2", "consensus"), doubles(2)
    whole = Fickle()
    report = run(evaluated(tmp_path, names, problems, "whole"), executor, whole)
    assert report.left_out == {}
    assert len(whole.asked) > 16 * len(problems)
    for row in report.rows:
        assert max(choice.answers for name in names for choice in row.ways[name].values()) == 16
        assert all("8x8" in row.ways[name] for name in names)

    broken, asked = evaluated(tmp_path, names, problems, "broken"), 0
    for fails_after in (5, 28, 3):
        writer = Fickle(fails_after=fails_after)
        with pytest.raises(RunError, match="gone"):
            run(broken, executor, writer)
        asked += len(writer.asked)
    last = Fickle()
    resumed = run(broken, executor, last)
    assert asked + len(last.asked) == len(whole.asked)
    assert [row.ways for row in resumed.rows] == [row.ways for row in report.rows]


def test_judging_again_samples_nothing_and_leaves_out_what_was_not_asked(tmp_path: Path, executor: Executor) -> None:
    evaluation = evaluated(tmp_path, ("bon", "agentic-tests"), doubles(4), "evaluation")
    whole = run(evaluation, executor, Fickle())
    evaluation.keep_rows([])
    writer = Fickle()
    again = run(evaluation, executor, writer, samples=False)
    assert writer.asked == []
    assert [row.ways for row in again.rows] == [row.ways for row in whole.rows]


def test_a_budget_ends_between_two_tasks_also_within_a_conversation(tmp_path: Path, executor: Executor) -> None:
    problems = doubles(CHUNK_TASKS + 1)
    writer = Fickle()
    whole = run(evaluated(tmp_path, ("bon", "agentic-tests"), problems, "whole"), executor, writer)
    boards = 16 * len(problems)
    assert len(writer.asked) > boards  # tests are asked for again
    budget = 40 * (boards + len(writer.asked)) // 2
    limited = evaluated(tmp_path, ("bon", "agentic-tests"), problems, "limited", budget=f"{budget}tok")
    report = run(limited, executor, Fickle())
    assert not report.complete
    assert report.ended
    assert 0 < len(report.rows) < len(problems)
    assert [row.ways for row in report.rows] == [row.ways for row in whole.rows[: len(report.rows)]]
    resumed = run(limited.with_budget(""), executor, Fickle())
    assert [row.ways for row in resumed.rows] == [row.ways for row in whole.rows]
