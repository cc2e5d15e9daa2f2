"""Rows of the run's archive for a scored step: every answer, every test, every cell of every matrix."""

from __future__ import annotations

from engine.prompts import Program, Rejected, Role, UnitTest
from engine.runs.records import CellGrid, MatrixRecord, RolloutRecord, StepRecord, TaskRecord, TestRecord
from engine.train.scoring import ScoredGroup, ScoredTask
from engine.train.step import CoevolutionStep


def record_step(done: CoevolutionStep) -> StepRecord:
    """Return the archive's record of a finished step."""
    return StepRecord(done.step, tuple(_task(*pair) for pair in zip(done.tasks, done.weights, strict=True)))


def _task(task: ScoredTask, weight: float | None) -> TaskRecord:
    rollouts = task.rollouts
    matrix = rollouts.matrix
    return TaskRecord(
        task=rollouts.problem.id,
        statement=rollouts.problem.statement,
        rollouts=(*_answers(task.coder, rollouts.programs), *_answers(task.tester, rollouts.tests)),
        truth_tests=tuple(TestRecord(test.input, test.output) for test in rollouts.truth_tests),
        generated_tests=tuple(
            TestRecord(test.input, test.output, index) if isinstance(test, UnitTest) else TestRecord("", "", index)
            for index, test in enumerate(rollouts.tests)
        ),
        matrix=MatrixRecord(
            truth=CellGrid.of_outcomes(matrix.truth_nt, rollouts.truth_outcomes),
            generated=CellGrid.of_outcomes(matrix.generated_nm, rollouts.generated_outcomes),
            correct_n=matrix.correct_n,
        ),
        weight=weight,
    )


def _answers(group: ScoredGroup, parsed: tuple[Program | Rejected | UnitTest, ...]) -> list[RolloutRecord]:
    return [
        RolloutRecord(
            role=str(Role(group.role)),
            index=index,
            reward=float(group.rewards_k[index]),
            advantage=float(group.advantages_k[index]),
            tokens=len(completion.token_ids),
            finished=completion.finished,
            status=str(answer.reason) if isinstance(answer, Rejected) else "ok",
            text=completion.text,
            source=answer.source if isinstance(answer, Program) else "",
        )
        for index, (completion, answer) in enumerate(zip(group.completions, parsed, strict=True))
    ]
