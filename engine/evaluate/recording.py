"""Archive rows of an evaluation: a chunk of tasks is a step, with the same records as a step of a run."""

from __future__ import annotations

from collections.abc import Sequence

from engine.evaluation.results import TaskResult
from engine.prompts import Program, Rejected, UnitTest
from engine.rollouts.filling import FilledTask
from engine.runs.records import CellGrid, MatrixRecord, RolloutRecord, TaskRecord, TestRecord
from engine.solve.writers import Answer


def record_task(
    task: FilledTask, result: TaskResult, coder: Sequence[Answer], tester: Sequence[Answer], arm: str = ""
) -> TaskRecord:
    """Return the archive's record of a task, or of an arm's way over it.

    The reward is 1 for a correct program or a right test, else 0.
    """
    matrix = task.matrix
    return TaskRecord(
        task=f"{task.problem.id} ({arm})" if arm else task.problem.id,
        statement=task.problem.statement,
        rollouts=(
            *_rollouts(coder, task.programs, matrix.correct_n.tolist()),
            *_rollouts(tester, task.tests, result.counted_right_m.tolist()),
        ),
        truth_tests=tuple(TestRecord(test.input, test.output) for test in task.truth_tests),
        generated_tests=tuple(
            TestRecord(test.input, test.output, index) if isinstance(test, UnitTest) else TestRecord("", "", index)
            for index, test in enumerate(task.tests)
        ),
        matrix=MatrixRecord(
            truth=CellGrid.of_outcomes(matrix.truth_nt, task.truth_outcomes),
            generated=CellGrid.of_outcomes(matrix.generated_nm, task.generated_outcomes),
            correct_n=matrix.correct_n,
        ),
    )


def _rollouts(
    answers: Sequence[Answer], parsed: Sequence[Program | UnitTest | Rejected], right: Sequence[bool]
) -> list[RolloutRecord]:
    return [
        RolloutRecord(
            role=str(answer.role),
            index=answer.index,
            reward=float(is_right),
            advantage=0.0,
            tokens=answer.tokens,
            finished=answer.finished,
            status=str(found.reason) if isinstance(found, Rejected) else "ok",
            text=answer.text or answer.reasoning,
            source=found.source if isinstance(found, Program) else "",
        )
        for answer, found, is_right in zip(answers, parsed, right, strict=True)
    ]
