"""Labels `hidden`, CURE's own: the tasks' hidden tests judge the programs, and the correct ones judge the tests.

No ground-truth program is read, with `reward.tester_supervision = "none"`. With "reference", the tasks' reference
programs judge the tests; where a task has none that passes its hidden tests, its correct samples do.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.config import RunConfig
from engine.problems import Problem
from engine.rollouts.executing import Runner
from engine.rollouts.rollout import TaskRollouts
from engine.sandbox import judging_of
from engine.solve.selectors.b4 import Priors
from engine.train.labels.references import References
from engine.train.labels.source import LabelledTask, LabelSource, Surroundings, by_ground_truth


class HiddenTests:
    """Label source of hidden tests."""

    def __init__(self, config: RunConfig, problems: Sequence[Problem], runner: Runner) -> None:
        self.problems = tuple(problems)
        self._settings = config.reward
        self._references = None
        if config.reward.tester_supervision == "reference":
            self._references = References(runner, judging_of(config.sandbox.judging, config.sandbox.comparison))

    def label(self, tasks: Sequence[TaskRollouts], step: int, priors: Priors) -> list[LabelledTask]:
        if self._references is None:
            return [by_ground_truth(task, self._settings) for task in tasks]
        judged = self._references.judge(tasks)
        return [
            by_ground_truth(task, self._settings, validity, unreferenced=validity is None)
            for task, validity in zip(tasks, judged, strict=True)
        ]


def open_labels(config: RunConfig, train: Sequence[Problem], around: Surroundings) -> LabelSource:
    return HiddenTests(config, train, around.runner)
