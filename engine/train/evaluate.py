"""Measurement of a policy on tasks: sample, execute, and judge the generated tests by reference programs.

`engine.evaluation` turns the results into figures. No answer sampled here is ever trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from engine.config import RolloutConfig
from engine.evaluation.metrics import summarise
from engine.evaluation.results import TaskResult, judge_tests_by_own_correct, judge_tests_by_reference
from engine.evaluation.summary import EvalSummary, UtBasis
from engine.nano.grammar import is_valid_input
from engine.problems import Problem
from engine.prompts import Program, UnitTest
from engine.reward.pass_matrix import BoolArray
from engine.rollouts.executing import ProgramRun, Runner, execute, inputs_of
from engine.rollouts.observer import RolloutObserver
from engine.rollouts.rollout import EncodePrompt, TaskRollouts, start_rollouts
from engine.sampling import Sampler
from engine.sandbox import Judging, Outcome, Status, passes

CHUNK_TASKS = 16
"""Number of tasks sampled together; their programs are executed while the next chunk is sampled."""


def measure(
    problems: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    settings: RolloutConfig,
    judging: Judging,
    bon_sizes: Sequence[tuple[int, int]],
    seed: int,
    on_progress: Callable[[int], None] = lambda tasks_done: None,
    observer: RolloutObserver | None = None,
    *,
    in_thought: bool = False,
) -> EvalSummary:
    """Measure the sampler's policy on `problems`; the same weights and seed give the same figures.

    Generated tests are judged by the task's reference programs if it has any, else by the policy's own correct
    programs; the summary counts the tasks of either kind. on_progress: called before every chunk of tasks with the
    number of tasks sampled so far; may raise to abort. in_thought: prompts end within an open thought.
    """
    started = []
    for first in range(0, len(problems), CHUNK_TASKS):
        on_progress(first)
        chunk = problems[first : first + CHUNK_TASKS]
        started.append(
            start_rollouts(
                chunk, encode, sampler, executor, settings, judging, seed, observer, in_thought=in_thought
            )
        )  # fmt: skip
    rollouts = [task for chunk in started for task in chunk.collect()]
    references = [
        [
            execute(Program(source), inputs_of(task.tests), executor, task.problem.time_limit)
            for source in task.problem.solutions
        ]
        for task in rollouts
    ]
    results = [_task_result(*pair, judging) for pair in zip(rollouts, references, strict=True)]
    return summarise(results, bon_sizes, seed=0)


def _task_result(task: TaskRollouts, references_r: Sequence[ProgramRun], judging: Judging) -> TaskResult:
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
        coder_lengths_n=np.array([len(c.token_ids) for c in task.coder]),
        recovered=sum(getattr(answer, "recovered", False) for answer in (*task.programs, *task.tests)),
        tester_lengths_m=np.array([len(c.token_ids) for c in task.tester]),
    )


def _judge_by_reference(
    task: TaskRollouts, outcomes_rm: Sequence[Sequence[Outcome | None]], judging: Judging
) -> tuple[BoolArray, BoolArray]:
    passes_rm = np.zeros((len(outcomes_rm), len(task.tests)), dtype=np.bool_)
    known_rm = np.ones_like(passes_rm)
    for row, outcomes in enumerate(outcomes_rm):
        for column, (outcome, test) in enumerate(zip(outcomes, task.tests, strict=True)):
            if outcome is not None and isinstance(test, UnitTest):
                passes_rm[row, column] = passes(outcome, test.output, judging)
                known_rm[row, column] = outcome.status is not Status.INFRASTRUCTURE
    return judge_tests_by_reference(passes_rm, task.matrix.malformed_m, known_rm)


def _valid(task: TaskRollouts) -> BoolArray | None:
    """Return which tests follow the task's input format, (m,); None without a validator (all tasks but nano's own)."""
    if not task.problem.dataset.startswith("nano/"):
        return None
    return np.array(
        [isinstance(test, UnitTest) and is_valid_input(task.problem.id, test.input) for test in task.tests],
        dtype=np.bool_,
    )
