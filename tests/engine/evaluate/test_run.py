"""Tests of an evaluation's course: figures, resuming, judging again, recording."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import DataError, RunError
from engine.evaluate.answers import AnswerJournal
from engine.evaluate.folder import open_evaluation
from engine.evaluate.run import CHUNK_TASKS, Stopped
from engine.evaluation.report import Report, Spent, TaskRow
from engine.problems import IOExample
from engine.prompts import Role
from engine.runs.archive_reader import ArchiveReader
from engine.runs.files import write_file
from engine.runs.listing import read_state
from engine.sandbox import Executor
from engine.solve.writers import Answer, Ask
from tests.engine.evaluate.given import Given, new_evaluation, request_for, run, sums

TASKS = 2 * CHUNK_TASKS + 3


def figures(report: Report) -> list[TaskRow]:
    """Return the rows without what differs between two evaluations of the same answers: their seconds."""
    unmeasured = {"sampling_seconds": 0.0, "executing_seconds": 0.0, "other_seconds": 0.0}
    return [replace(row, spent=replace(row.spent, **unmeasured)) for row in report.rows]


def test_the_figures_follow_from_the_answers(tmp_path: Path, executor: Executor) -> None:
    report = run(new_evaluation(tmp_path, request_for(tmp_path, sums(TASKS))), executor, Given())
    assert report.complete
    assert [row.task for row in report.rows] == [problem.id for problem in sums(TASKS)]
    for row in report.rows:
        assert (row.programs, row.tests, row.judged) == (4, 4, 4)
        assert row.figures["code"] == row.correct / 4
        assert (row.references, row.references_passed) == (1, 1)
        assert row.spent.answers == 8
    code = report.totals.figures["code"].mean
    assert code is not None
    assert 0.3 < code < 0.7
    assert set(report.totals.bon) == {"2x1", "2x2", "2x4", "4x1", "4x2", "4x4"}
    assert report.spent.dollars == pytest.approx(0.001 * 8 * TASKS)
    assert report.totals.published == {}


def test_after_a_fault_only_missing_answers_are_asked_and_the_table_is_that_of_an_unbroken_one(
    tmp_path: Path, executor: Executor
) -> None:
    request = request_for(tmp_path, sums(TASKS))
    unbroken = run(new_evaluation(tmp_path, request, "unbroken"), executor, Given())
    broken, asked = new_evaluation(tmp_path, request, "broken"), []
    for fails_after in (0, 1, 50, 128, 70):
        writer = Given(fails_after=fails_after)
        with pytest.raises(RunError, match="gone"):
            run(broken, executor, writer)
        asked.append(len(writer.asked))
    last = Given()
    resumed = run(broken, executor, last)
    assert sum(asked) + len(last.asked) == 8 * TASKS
    assert figures(resumed) == figures(unbroken)
    assert resumed.totals == unbroken.totals


@pytest.mark.parametrize("file", ["answers.jsonl", "rows.jsonl"])
@pytest.mark.parametrize("lost", [1, 40])
def test_a_torn_last_line_costs_at_most_itself(tmp_path: Path, executor: Executor, file: str, lost: int) -> None:
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, sums(TASKS)))
    whole = run(evaluation, executor, Given())
    path = evaluation.folder.path / file
    path.write_bytes(path.read_bytes()[:-lost])
    if file == "answers.jsonl":
        evaluation.keep_rows([])
    writer = Given()
    again = run(evaluation, executor, writer)
    assert len(writer.asked) == (1 if file == "answers.jsonl" else 0)
    assert figures(again) == figures(whole)


def test_judging_again_samples_nothing(tmp_path: Path, executor: Executor) -> None:
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, sums(TASKS)))
    whole = run(evaluation, executor, Given())
    evaluation.keep_rows([])
    writer = Given()
    again = run(evaluation, executor, writer, samples=False)
    assert writer.asked == []
    assert figures(again) == figures(whole)


def test_judging_again_leaves_out_tasks_that_lack_an_answer(tmp_path: Path, executor: Executor) -> None:
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, sums(20)))
    with pytest.raises(RunError):
        run(evaluation, executor, Given(fails_after=8 * CHUNK_TASKS + 6))
    evaluation.keep_rows([])
    report = run(evaluation, executor, Given(fails_after=0), samples=False)
    assert not report.complete
    assert len(report.rows) == CHUNK_TASKS


def test_an_evaluation_that_is_stopped_reports_what_is_there(tmp_path: Path, executor: Executor) -> None:
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, sums(TASKS)))
    with pytest.raises(RunError):
        run(evaluation, executor, Given(fails_after=8 * 2 * CHUNK_TASKS + 6))
    with pytest.raises(Stopped):
        run(evaluation, executor, Given(), stops=True)
    report = evaluation.read_report()
    assert report is not None
    assert not report.complete
    assert len(report.rows) == CHUNK_TASKS


def test_the_archive_holds_every_task_of_every_chunk_as_a_runs_does(tmp_path: Path, executor: Executor) -> None:
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, sums(TASKS)))
    report = run(evaluation, executor, Given())
    with ArchiveReader(evaluation.folder.archive) as archive:
        records = [archive.read_task(step, task) for step in archive.steps() for task in archive.tasks(step)]
    for record, row in zip(records, report.rows, strict=True):
        assert record is not None
        assert record.task == row.task
        assert record.matrix is not None
        assert record.matrix.pass_matrix(record.malformed_tests).correct_n.sum() == row.correct
        assert len(record.rollouts) == 8
    state = read_state(evaluation.folder.journal)
    assert state.step == 3
    assert state.evaluations[-1].summary.code.mean == pytest.approx(report.totals.figures["code"].mean, abs=1e-6)


def test_the_published_way_of_counting_leaves_out_tests_that_cannot_be_read(tmp_path: Path, executor: Executor) -> None:
    request = request_for(tmp_path, sums(TASKS), protocol="cure")
    report = run(new_evaluation(tmp_path, request), executor, Given())
    honest, shares = report.totals.figures, report.totals.published
    assert set(shares) == {"code", "ut", *(f"bon {size}" for size in report.totals.bon)}
    assert honest["ut"].mean is not None
    assert shares["ut"] is not None
    assert shares["ut"] > honest["ut"].mean
    by_hand = [row.published["code"] for row in report.rows if row.published]
    assert shares["code"] == sum(hits for hits, _ in by_hand) / sum(of for _, of in by_hand)


class Endless(Given):
    """Writer of programs that never end, and of tests that come when those have been judged on the ground truth."""

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        for answer in super().write(asks):
            if answer.role is Role.TESTER and answer.index == 0:
                time.sleep(3)
            yield answer

    def _text(self, role: Role, draw: int) -> str:
        if role is Role.CODER:
            return f"```python\nwhile True: pass  # {draw}\n```"
        return "**Test Input:**\n```\n0 1\n```\n\n**Test Output:**\n```\n1\n```"


@pytest.mark.slow
def test_a_program_that_runs_out_of_time_is_executed_once_on_an_input_of_both_kinds_of_tests(tmp_path: Path) -> None:
    examples = tuple(IOExample(f"0 {other}", str(other)) for other in range(3))
    problem = replace(sums(1)[0], hidden=examples, time_limit=0.2)
    with Executor(cells=2) as executor:
        request = request_for(tmp_path, [problem], n=1, m=2, bon=("1x1",))
        report = run(new_evaluation(tmp_path, request), executor, Endless())
        assert executor.executions == 3 + 3  # the program, and the reference
    assert report.rows[0].figures["timeout_share"] == 1.0


def test_answers_of_other_settings_are_never_taken_for_these(tmp_path: Path, executor: Executor) -> None:
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, sums(4)))
    run(evaluation, executor, Given())
    for other in (
        replace(evaluation.request, seed=1),
        replace(evaluation.request, identity={"the files of openai:given": "others"}),
    ):
        evaluation.keep_rows([])
        writer = Given()
        run(replace(evaluation, request=other), executor, writer)
        assert len(writer.asked) == 8 * 4


def test_many_answers_that_are_cut_off_are_told_with_the_remedy(tmp_path: Path, executor: Executor) -> None:
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, sums(4)))
    report = run(evaluation, executor, Given(cut=frozenset({Role.TESTER})))
    (told,) = (text for text in report.warnings if "cut off" in text)
    assert told.startswith("100% of the tester's answers")
    assert "raise --max-tokens, which is 64" in told
    assert [notice.text for notice in read_state(evaluation.folder.journal).notices] == list(report.warnings)


def test_a_report_comes_back_from_json_and_one_of_another_version_is_refused(
    tmp_path: Path, executor: Executor
) -> None:
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, sums(4)))
    report = run(evaluation, executor, Given())
    assert Report.from_json(report.to_json()) == report
    other = json.dumps(json.loads(report.to_json()) | {"schema": 99})
    for text in (other, "[]", "{}", "", "null", report.to_json()[:-5]):
        with pytest.raises(DataError):
            Report.from_json(text)


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    evaluation = new_evaluation(tmp_path, request_for(tmp_path, sums(4)))
    write_file(evaluation.folder.path, "evaluation.json", evaluation.request.to_json().encode())
    answer = next(Given().write([_ask()]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with AnswerJournal(evaluation.folder.path) as answers:
        answers.add("a" * 24, answer)
        before = evaluation.answers.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 9, hard))  # the next line fits in part
        try:
            with pytest.raises(RunError, match="full"):
                answers.add("b" * 24, answer)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert evaluation.answers.read_bytes() == before
        answers.add("c" * 24, answer)
    with AnswerJournal(evaluation.folder.path) as answers:
        assert ["a" * 24 in answers, "b" * 24 in answers, "c" * 24 in answers] == [True, False, True]
        assert answers.get("c" * 24, "").text == answer.text
    assert open_evaluation(evaluation.folder.path).request == evaluation.request


def test_the_cost_of_sessions_adds_up() -> None:
    one = Spent(answers=2, coder_tokens=3, dollars=0.5, sampling_seconds=1.0, executing_seconds=2.0)
    assert one + one == Spent(answers=4, coder_tokens=6, dollars=1.0, sampling_seconds=2.0, executing_seconds=4.0)
    assert (one.tokens, one.seconds) == (3, 3.0)


def _ask() -> Ask:
    return Ask("0/coder", Role.CODER, (), 1, 0)
