"""Tests of the arms of an evaluation, another tester and one program of another model, and of its budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ConfigError, RunError
from engine.evaluate.folder import Evaluation, open_evaluation
from engine.evaluate.request import EvalRequest, with_identity
from engine.evaluate.run import CHUNK_TASKS
from engine.evaluation.report import BASELINE, CODER, ONE_SHOT, TESTER, Arm, Report, RoleCost, TaskRow
from engine.prompts import Role
from engine.runs.archive_reader import ArchiveReader
from engine.runs.live import LiveReader
from engine.sandbox import Executor
from engine.solve.writers import Answer, Ask
from tests.engine.evaluate.given import Given, new_evaluation, request_for, run, sums

TASKS = CHUNK_TASKS + 4
A_TASK = 4 + 4 + 4 + 1
"""Answers to one task: programs, tests, tests of the baseline, the one-shot program."""


class Slow(Given):
    """Writer that takes its time for an answer, and asks for none once its account is closed, as one of a server."""

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        self.pause = 0.003
        for answer in super().write(asks):
            yield answer
            if self.account.closed:
                return


def with_arms(folder: Path, tasks: int = TASKS, name: str = "evaluation", **fields: str) -> Evaluation:
    request = request_for(
        folder, sums(tasks), baseline_tester="openai:given", one_shot="openai:big", **fields
    )  # fmt: skip
    return new_evaluation(folder, replace(request, tester="openai:mine"), name)


def figures(report: Report) -> tuple[list[TaskRow], list[list[TaskRow]]]:
    """Return the rows of the report and of its arms without their seconds."""
    unmeasured = {"sampling_seconds": 0.0, "executing_seconds": 0.0, "other_seconds": 0.0}

    def bare(rows: tuple[TaskRow, ...]) -> list[TaskRow]:
        return [replace(row, spent=replace(row.spent, **unmeasured)) for row in rows]

    return bare(report.rows), [bare(arm.rows) for arm in report.arms]


def arm(report: Report, name: str) -> Arm:
    return next(each for each in report.arms if each.name == name)


def role(report: Report, name: str) -> RoleCost:
    return next(each for each in report.roles if each.role == name)


def test_the_baseline_judges_the_same_programs_by_other_tests(tmp_path: Path, executor: Executor) -> None:
    report = run(with_arms(tmp_path), executor, Given(), Given(cut=frozenset({Role.TESTER})), Given())
    baseline, one_shot = arm(report, BASELINE), arm(report, ONE_SHOT)
    assert (report.who.coder, report.who.tester) == ("openai:given", "openai:mine")
    assert (baseline.who.coder, baseline.who.tester) == ("openai:given", "openai:given")
    assert [row.task for row in baseline.rows] == [row.task for row in report.rows]
    assert [row.correct for row in baseline.rows] == [row.correct for row in report.rows]
    assert [row.bon for row in baseline.rows] != [row.bon for row in report.rows]
    assert {row.figures["tester_truncated"] for row in report.rows} == {1.0}
    assert {row.figures["tester_truncated"] for row in baseline.rows} == {0.0}
    for row in one_shot.rows:
        assert (row.programs, row.tests, row.bon) == (1, 0, {})
        assert row.figures["code"] == row.correct
    assert set(baseline.totals.bon) == set(report.totals.bon)


def test_every_answer_is_paid_once_and_stands_with_its_role(tmp_path: Path, executor: Executor) -> None:
    writers = Given(), Given(), Given()
    report = run(with_arms(tmp_path), executor, *writers)
    answers = {each.role: each.answers for each in report.roles}
    assert answers == {CODER: 4 * TASKS, TESTER: 4 * TASKS, BASELINE: 4 * TASKS, ONE_SHOT: TASKS}
    asked = sum(len(writer.asked) for writer in writers)
    assert asked == A_TASK * TASKS
    assert sum(each.dollars or 0.0 for each in report.roles) == pytest.approx(0.001 * asked)
    assert report.spent.dollars == pytest.approx(0.001 * asked)
    assert {each.served for each in report.roles} == {"given-2"}
    assert role(report, CODER).price.startswith("20 and 40 dollars a million tokens, endpoints.toml")
    assert not any("$" in warning for warning in report.warnings)


def test_a_broken_evaluation_with_arms_goes_on_to_the_table_of_an_unbroken_one(
    tmp_path: Path, executor: Executor
) -> None:
    unbroken = run(with_arms(tmp_path, name="unbroken"), executor, Given(), Given(), Given())
    evaluation = with_arms(tmp_path, name="broken")
    asked = 0
    for fails_after in (0, 3, 40, 100):
        writers = Given(fails_after=fails_after), Given(), Given(fails_after=fails_after // 2)
        with pytest.raises(RunError, match="gone"):
            run(evaluation, executor, *writers)
        asked += sum(len(writer.asked) for writer in writers)
    last = Given(), Given(), Given()
    resumed = run(evaluation, executor, *last)
    assert asked + sum(len(writer.asked) for writer in last) == A_TASK * TASKS
    assert figures(resumed) == figures(unbroken)
    assert [each.dollars for each in resumed.roles] == pytest.approx([each.dollars for each in unbroken.roles])
    evaluation.keep_rows([])
    silent = Given(fails_after=0)
    assert figures(run(evaluation, executor, silent, silent, silent, samples=False)) == figures(unbroken)


def test_the_archive_holds_the_arms_as_tasks_of_their_own(tmp_path: Path, executor: Executor) -> None:
    evaluation = with_arms(tmp_path, tasks=2)
    run(evaluation, executor, Given(), Given(), Given())
    with ArchiveReader(evaluation.folder.archive) as archive:
        tasks = archive.tasks(1)
        assert tasks == [
            f"sum-{number:03}{arm}" for number in range(2) for arm in ("", " (baseline tester)", " (one-shot)")
        ]
        record = archive.read_task(1, "sum-000 (one-shot)")
    assert record is not None
    assert len(record.rollouts) == 1


def test_the_wall_shows_answers_of_all_parts_with_their_judgements(tmp_path: Path, executor: Executor) -> None:
    evaluation = with_arms(tmp_path, tasks=3)
    run(evaluation, executor, *(Given(pause=0.02) for _ in range(3)))
    wall = LiveReader(evaluation.folder.live).read()
    assert wall is not None
    assert (wall.phase, wall.total) == ("evaluate", 3 * A_TASK)
    assert {slot.role for slot in wall.slots} == {"coder", "tester"}
    assert any(slot.task.endswith("(baseline tester)") for slot in wall.slots)
    verdicts = {slot.verdict for slot in wall.slots}
    assert verdicts & {"correct", "wrong"}
    assert verdicts & {"right", "undecided", "malformed"}
    assert all(slot.tail for slot in wall.slots)


@pytest.mark.parametrize("budget", ["$0.1", "4500tok"])
def test_a_budget_ends_between_two_tasks_and_a_larger_one_goes_on(
    tmp_path: Path, executor: Executor, budget: str
) -> None:
    whole = run(with_arms(tmp_path, name="whole"), executor, Given(), Given(), Given())
    evaluation = with_arms(tmp_path, name="partial", budget=budget)
    writers = Slow(), Slow(), Slow()
    report = run(evaluation, executor, *writers)
    asked = sum(len(writer.asked) for writer in writers)
    assert not report.complete
    assert report.ended == ("$0.1" if "$" in budget else "4500 tokens")
    assert 0 < len(report.rows) < TASKS
    assert report.warnings[0].startswith(f"ended by the budget of {report.ended} after {len(report.rows)} of 20 tasks")
    assert figures(report)[0] == figures(whole)[0][: len(report.rows)]
    assert asked <= 110 if "$" in budget else asked <= 160  # each writer may have an answer under way at the end
    beyond = asked - A_TASK * len(report.rows)
    told = [warning for warning in report.warnings if "more was paid" in warning]
    assert bool(told) == (beyond > 0)
    again = run(evaluation, executor, *(Given(fails_after=0) for _ in range(3)))
    assert [row.task for row in again.rows] == [row.task for row in report.rows]
    larger = replace(evaluation, request=replace(evaluation.request, budget="$5"))
    last = Given(), Given(), Given()
    resumed = run(larger, executor, *last)
    assert resumed.complete
    assert figures(resumed) == figures(whole)


def test_a_budget_of_time_counts_earlier_sessions(tmp_path: Path, executor: Executor) -> None:
    evaluation = with_arms(tmp_path, name="timed", budget="1s")
    report = run(evaluation, executor, Given(pause=0.02), Given(), Given())
    assert report.ended == "1 s"
    assert 0 < len(report.rows) < TASKS
    assert any(warning.startswith("ended by the budget of 1 s after") for warning in report.warnings)


def test_a_budget_too_small_for_one_task_keeps_its_answers_and_says_how_to_go_on(
    tmp_path: Path, executor: Executor
) -> None:
    evaluation = with_arms(tmp_path, budget="$0.003")
    with pytest.raises(RunError, match=r"the budget of \$0.003 is spent before one task") as fault:
        run(evaluation, executor, Slow(), Slow(), Slow())
    assert "--resume evaluation --budget" in fault.value.remedy
    assert evaluation.answers.read_bytes().count(b"\n") >= 3


def test_another_budget_is_the_same_evaluation_and_is_kept(tmp_path: Path) -> None:
    evaluation = with_arms(tmp_path, budget="$0.1")
    evaluation.write_request()
    changed = evaluation.with_budget("$2")
    assert changed.request.key == evaluation.request.key
    assert open_evaluation(evaluation.folder.path).request.budget == "$2"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"baseline_tester": "nano"}, "--baseline-tester names the tester itself"),
        ({"one_shot": "preset:nano"}, "--one-shot names the coder itself"),
        ({"budget": "$1"}, "local models cost none"),
        ({"budget": "lots"}, "is not a budget"),
        ({"one_shot": "openai:m@http://127.0.0.1:9/v1", "budget": "$1"}, "m has no price"),
        ({"one_shot": "run:nothing"}, "there is no run 'nothing'"),
    ],
)
def test_arms_and_budgets_that_make_no_sense_are_refused_before_anything_is_paid(
    fields: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path))
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path / "config"))
    with pytest.raises((ConfigError, RunError), match=said):
        with_identity(EvalRequest("nano", "nano", "nano", **fields))  # type: ignore[arg-type]
