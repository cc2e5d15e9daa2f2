"""Result of one task from its filled matrix: who judges its generated tests, and which of them are right.

Training measures its policy by it, and `cure-tui eval` any model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.evaluation.results import TaskResult, judge_tests_by_own_correct, judge_tests_by_reference
from engine.evaluation.summary import UtBasis
from engine.nano.grammar import is_valid_input
from engine.prompts import Program, UnitTest
from engine.reward.pass_matrix import BoolArray
from engine.rollouts.executing import ProgramRun, Runner, execute, inputs_of
from engine.rollouts.filling import FilledTask
from engine.sandbox import Judging, Outcome, Status, passes


def judge_by_references(task: FilledTask, runner: Runner, first: ProgramRun | None = None) -> list[ProgramRun]:
    """Submit the task's r reference programs with the generated tests. first: a run of the first one, if there is."""
    inputs, seconds = inputs_of(task.tests), task.problem.time_limit
    return [
        execute(Program(source), inputs, runner, seconds, before=None if place else first)
        for place, source in enumerate(task.problem.solutions)
    ]


def task_result(
    task: FilledTask,
    references_r: Sequence[ProgramRun],
    judging: Judging,
    coder_lengths_n: Sequence[int],
    tester_lengths_m: Sequence[int],
) -> TaskResult:
    """Judge a filled task, by its references if it has any, else by its own correct programs; waits for them.

    Lengths of the answers are in tokens.
    """
    if references_r:
        outcomes_rm = [reference.by_test(task.tests) for reference in references_r]
        right_m, judged_m = _judge_by_reference(task, outcomes_rm, judging.for_task(task.problem.compare))
        basis = UtBasis.REFERENCE
    else:
        right_m, judged_m, basis = judge_tests_by_own_correct(task.matrix)
    tests = [test if isinstance(test, UnitTest) else None for test in task.tests]
    return TaskResult(
        task_id=task.problem.id,
        matrix=task.matrix,
        test_right_m=right_m,
        test_judged_m=judged_m,
        test_valid_m=_valid(task),
        ut_basis=basis,
        programs=tuple(p.source if isinstance(p, Program) else None for p in task.programs),
        test_inputs=tuple(test.input if test else "" for test in tests),
        test_outputs=tuple(test.output if test else "" for test in tests),
        coder_lengths_n=np.array(coder_lengths_n),
        recovered=sum(getattr(answer, "recovered", False) for answer in (*task.programs, *task.tests)),
        tester_lengths_m=np.array(tester_lengths_m),
        outputs_nm=task.outputs_nm,
    )


def _judge_by_reference(
    task: FilledTask, outcomes_rm: Sequence[Sequence[Outcome | None]], judging: Judging
) -> tuple[BoolArray, BoolArray]:
    passes_rm = np.zeros((len(outcomes_rm), len(task.tests)), dtype=np.bool_)
    known_rm = np.ones_like(passes_rm)
    for row, outcomes in enumerate(outcomes_rm):
        for column, (outcome, test) in enumerate(zip(outcomes, task.tests, strict=True)):
            if outcome is not None and isinstance(test, UnitTest):
                passes_rm[row, column] = passes(outcome, test.output, judging)
                known_rm[row, column] = outcome.status is not Status.INFRASTRUCTURE
    return judge_tests_by_reference(passes_rm, task.matrix.malformed_m, known_rm)


def _valid(task: FilledTask) -> BoolArray | None:
    """Return which tests follow the task's input format, (m,); None without a validator (all tasks but nano's own)."""
    if not task.problem.dataset.startswith("nano/"):
        return None
    return np.array(
        [isinstance(test, UnitTest) and is_valid_input(task.problem.id, test.input) for test in task.tests],
        dtype=np.bool_,
    )
