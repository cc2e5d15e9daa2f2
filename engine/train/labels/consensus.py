"""Labels `consensus`: programs and tests that agree are presumed right; no hidden test of a training task is read.

B4 chooses the verdict group that is most probably right, with priors that the anchors tell. The rule, its filters and
the rewards are those of `engine.reward.presumed_labels`. Its tester reward is its own:
`reward.tester_variant` is not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.config import RunConfig
from engine.errors import DataError
from engine.problems import IOExample, Problem
from engine.prompts import Program, UnitTest
from engine.reward.pass_matrix import BoolArray, IntArray
from engine.reward.presumed_labels import (
    Presumed,
    consensus_tester_rewards,
    discrimination_weight,
    presume,
    presumed_matrix,
)
from engine.reward.rewards import coder_rewards
from engine.reward.testers import WITHOUT_CORRECT
from engine.rollouts.executing import ProgramRun, Runner, execute, inputs_of
from engine.rollouts.rollout import TaskRollouts
from engine.sandbox import Judging, Outcome, Status, judging_of, passes
from engine.solve.selectors.b4 import Priors, posteriors_n
from engine.train.labels.label_tasks import candidates, limited, unanchored_notice
from engine.train.labels.mutants import MOST_MUTANTS, mutants
from engine.train.labels.source import LabelledTask, LabelSource, Surroundings

_NO_PROGRAM = -1


def presumed_of(task: TaskRollouts, priors: Priors) -> Presumed:
    """Return what consensus presumes about a task's programs and tests."""
    matrix = task.matrix
    scores_n = np.where(matrix.rejected_n, np.nan, posteriors_n(matrix, priors))
    return presume(matrix, scores_n, output_rows(task))


def output_rows(task: TaskRollouts) -> IntArray:
    """Return a number for each program, equal for those that print the same on every generated input, (n,).

    White space counts as collapsed, and a failure by its kind; -1 for an answer without a program.
    """
    first: dict[tuple[object, ...], int] = {}
    numbers = [
        first.setdefault(tuple(map(_printed, row)), len(first)) if isinstance(program, Program) else _NO_PROGRAM
        for program, row in zip(task.programs, task.generated_outcomes, strict=True)
    ]
    return np.array(numbers, dtype=np.int64)


def _printed(outcome: Outcome | None) -> object:
    if outcome is None:
        return None
    return " ".join(outcome.stdout.split()) if outcome.status is Status.OK else outcome.status


class Consensus:
    """Label source of agreement."""

    def __init__(self, config: RunConfig, problems: Sequence[Problem], runner: Runner) -> None:
        self.problems = tuple(problems)
        self._settings, self._steps, self._runner = config.reward, config.run.steps, runner
        self._judging = judging_of(config.sandbox.judging, config.sandbox.comparison)

    def label(self, tasks: Sequence[TaskRollouts], step: int, priors: Priors) -> list[LabelledTask]:
        found = [presumed_of(task, priors) for task in tasks]
        # The mutants of all tasks run at the same time.
        runs = [self._start_mutants(task, each) for task, each in zip(tasks, found, strict=True)]
        weight = discrimination_weight(step, self._steps)
        return [self._label(*each, weight) for each in zip(tasks, found, runs, strict=True)]

    def _label(self, task: TaskRollouts, presumed: Presumed, runs: Sequence[ProgramRun], weight: float) -> LabelledTask:
        matrix = presumed_matrix(task.matrix, presumed)
        columns = [] if presumed.doubt else np.flatnonzero(presumed.tests_m).tolist()
        kept = [task.tests[column] for column in columns]
        rollouts = replace(
            task,
            matrix=matrix,
            truth_tests=tuple(IOExample(test.input, test.output) for test in kept if isinstance(test, UnitTest)),
            truth_outcomes=tuple(tuple(row[column] for column in columns) for row in task.generated_outcomes),
        )
        if presumed.doubt:
            return LabelledTask(
                rollouts, None, WITHOUT_CORRECT[self._settings.without_correct](matrix), presumed=presumed
            )
        others = task.matrix.block(np.flatnonzero(presumed.others_n), slice(None))
        fails_om, known_om = others.known_nm & ~others.generated_nm, others.known_nm
        if not len(fails_om):
            fails_om, known_om = self._mutants_that_differ(task, presumed, runs)
        tester_m = consensus_tester_rewards(task.matrix, presumed, fails_om, known_om, weight)
        return LabelledTask(rollouts, coder_rewards(matrix), tester_m, presumed=presumed)

    def _start_mutants(self, task: TaskRollouts, presumed: Presumed) -> list[ProgramRun]:
        """Submit mutants of the proxy, unless sampled programs are presumed wrong or the labels are in doubt."""
        proxy = None if presumed.proxy is None else task.programs[presumed.proxy]
        if presumed.doubt or presumed.others_n.any() or not isinstance(proxy, Program):
            return []
        inputs, seconds = inputs_of(task.tests), task.problem.time_limit
        return [execute(Program(source), inputs, self._runner, seconds) for source in mutants(proxy.source)]

    def _mutants_that_differ(
        self, task: TaskRollouts, presumed: Presumed, runs: Sequence[ProgramRun]
    ) -> tuple[BoolArray, BoolArray]:
        """Return the verdicts of the first mutants that differ from the proxy on a test's input, (o, m) each."""
        assert presumed.proxy is not None
        printed = [_printed(outcome) for outcome in task.generated_outcomes[presumed.proxy]]
        judging = self._judging.for_task(task.problem.compare)
        fails: list[list[bool]] = []
        known: list[list[bool]] = []
        for run in runs:
            outcomes = run.by_test(task.tests)
            lost = [outcome is not None and outcome.status is Status.INFRASTRUCTURE for outcome in outcomes]
            if len(fails) == MOST_MUTANTS or all(
                gone or _printed(outcome) == own for outcome, own, gone in zip(outcomes, printed, lost, strict=True)
            ):
                continue
            fails.append(
                [not _passes(outcome, test, judging) for outcome, test in zip(outcomes, task.tests, strict=True)]
            )
            known.append([not gone for gone in lost])
        shape = (len(fails), len(task.tests))
        return np.array(fails, dtype=np.bool_).reshape(shape), np.array(known, dtype=np.bool_).reshape(shape)


def _passes(outcome: Outcome | None, test: object, judging: Judging) -> bool:
    return outcome is not None and isinstance(test, UnitTest) and passes(outcome, test.output, judging)


def open_labels(config: RunConfig, train: Sequence[Problem], around: Surroundings) -> LabelSource:
    # Without their hidden tests and solutions, so that nothing downstream can read them by mistake.
    bare = [replace(problem, hidden=(), solutions=()) for problem in candidates(train, config)]
    if not bare:
        raise DataError(f"{config.data.train} holds no task", "give a file with tasks")
    used = limited(bare, config)
    if not config.reward.anchors and (notice := unanchored_notice(len(used), len(bare))):
        around.on_notice(notice)
    return Consensus(config, used, around.runner)
