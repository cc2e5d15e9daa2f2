"""Judgement on one task: its matrix and those of the arms become rows of the report and records of the archive."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.evaluate.folder import TaskRows
from engine.evaluate.recording import record_task
from engine.evaluate.rows import Size, task_row
from engine.evaluate.task_result import judge_by_references, task_result
from engine.evaluate.tasks import Task
from engine.evaluation.report import BASELINE, CODER, ONE_SHOT, TESTER, Choice, Spent, TaskRow
from engine.prompts import Program
from engine.rollouts.executing import ProgramRun, Runner, execute, inputs_of
from engine.rollouts.filling import FilledTask, Filling
from engine.runs.records import TaskRecord
from engine.sandbox import passes
from engine.solve.writers import Answer


@dataclass(frozen=True, slots=True)
class JudgedTask:
    """Rows and records of one task. filled: its own matrix. waited: seconds until everything had been executed."""

    filled: FilledTask
    rows: TaskRows
    records: tuple[TaskRecord, ...]
    waited: float

    def with_ways(self, ways: Mapping[str, Mapping[str, Choice]]) -> JudgedTask:
        """Return the same with what strategies chose."""
        return replace(self, rows=replace(self.rows, row=replace(self.rows.row, ways=ways)))


def judge(task: Task, runner: Runner, sizes: Sequence[Size], *, as_published: bool) -> JudgedTask:
    """Wait for a task's programs, run its references, judge everything."""
    since = time.monotonic()
    own = _first_reference(task.filling)
    ways = [_Way("", task.of(CODER), task.of(TESTER), task.filling)]
    if BASELINE in task.arms:
        ways.append(_Way(BASELINE, task.of(CODER), task.of(BASELINE), task.arms[BASELINE]))
    if ONE_SHOT in task.arms:
        ways.append(_Way(ONE_SHOT, task.of(ONE_SHOT), [], task.arms[ONE_SHOT]))
    filled = [way.filling.collect() for way in ways]
    judges = [judge_by_references(each, runner, own) for each in filled]
    for run in (own, *(run for runs in judges for run in runs)):
        if run is not None:
            run.by_input()
    waited = time.monotonic() - since
    passed = own is not None and _passes_all(own, filled[0], task)
    rows: dict[str, TaskRow] = {}
    records = []
    for way, matrix, references in zip(ways, filled, judges, strict=True):
        result = task_result(
            matrix, references, task.judging, [each.tokens for each in way.coder], [each.tokens for each in way.tester]
        )
        rows[way.arm] = task_row(
            matrix, result, way.coder, way.tester, () if way.arm == ONE_SHOT else sizes, way.spent,
            as_published=as_published and way.arm != ONE_SHOT, references_passed=int(passed),
        )  # fmt: skip
        records.append(record_task(matrix, result, way.coder, way.tester, way.arm))
    return JudgedTask(filled[0], TaskRows(rows.pop(""), rows), tuple(records), waited)


@dataclass(frozen=True, slots=True)
class _Way:
    """Way over a task: the evaluation's own (arm ""), or an arm's, with its answers and its matrix."""

    arm: str
    coder: list[Answer]
    tester: list[Answer]
    filling: Filling

    @property
    def spent(self) -> Spent:
        """Cost of the answers that no other way has paid for: the programs of the baseline are the coder's."""
        coder = [] if self.arm == BASELINE else self.coder
        answers = (*coder, *self.tester)
        return Spent(
            answers=len(answers),
            prompt_tokens=sum(answer.prompt_tokens for answer in answers),
            coder_tokens=sum(answer.tokens for answer in coder),
            tester_tokens=sum(answer.tokens for answer in self.tester),
            dollars=sum(answer.dollars for answer in answers),
        )


def _first_reference(filling: Filling) -> ProgramRun | None:
    """Submit the first reference with the ground truth: a set whose references fail here measures little."""
    problem = filling.problem
    if not problem.solutions:
        return None
    return execute(Program(problem.solutions[0]), inputs_of(filling.truth_tests), filling.runner, problem.time_limit)


def _passes_all(reference: ProgramRun, task: FilledTask, judged: Task) -> bool:
    outcomes = reference.by_test(task.truth_tests)
    return all(
        outcome is not None and passes(outcome, test.output, judged.judging)
        for outcome, test in zip(outcomes, task.truth_tests, strict=True)
    )
