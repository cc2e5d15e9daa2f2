"""Protocol of label sources: rollouts in, rewards of both roles out.

A label source says which programs of a task count as correct, and so decides both rewards. It is asked for a run's
tasks, and for the rewards of the rollouts of a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from engine.config import RewardConfig, RunConfig
from engine.problems import Problem
from engine.reward.pass_matrix import FloatArray
from engine.reward.presumed_labels import Presumed
from engine.reward.rewards import coder_rewards, tester_rewards
from engine.reward.validity import Validity
from engine.rollouts.executing import Runner
from engine.rollouts.rollout import TaskRollouts
from engine.solve.selectors.b4 import Priors

UNINFORMED = Priors.of(a=10.0, b0=10.0)
"""Priors of a run without anchors; on nano's boards they choose better than the paper's 1e3 and 1e5."""


@dataclass(frozen=True, eq=False)
class LabelledTask:
    """Rollouts of a task with the rewards of both roles; None for a group without signal.

    rollouts: the ground truth of their matrix is that of the label source: hidden tests, a tester's, or those on which
    programs and tests agree. validity: judgement of the generated tests by references, where they judge.
    unreferenced: they should, and the task has none that passes its hidden tests. presumed: of consensus labels.
    confirmed: of a tester's tests, how many references confirm, and how many they judge.
    """

    rollouts: TaskRollouts
    coder_n: FloatArray | None
    tester_m: FloatArray | None
    validity: Validity | None = None
    unreferenced: bool = False
    presumed: Presumed | None = None
    confirmed: tuple[int, int] | None = None


class LabelSource(Protocol):
    """Source of the labels of one run. problems: the tasks that it trains on; none holds a test that it may not see."""

    problems: tuple[Problem, ...]

    def label(self, tasks: Sequence[TaskRollouts], step: int, priors: Priors) -> list[LabelledTask]:
        """Return the rewards of a batch. priors: of the rates that the anchors tell, for sources that estimate."""
        ...


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Things around a label source: executor, run folder, and receivers of what the user should know.

    on_progress: called with the number of tasks done and of all while tests are written; raises to end the writing.
    """

    runner: Runner
    run_dir: Path
    on_notice: Callable[[str], None] = lambda text: None
    on_progress: Callable[[int, int], object] = field(default=lambda done, total: None)


class OpenLabels(Protocol):
    """Function `open_labels` of a source's file. Raises CureError."""

    def __call__(self, config: RunConfig, train: Sequence[Problem], around: Surroundings) -> LabelSource: ...


def by_ground_truth(
    rollouts: TaskRollouts, settings: RewardConfig, validity: Validity | None = None, *, unreferenced: bool = False
) -> LabelledTask:
    """Reward the programs by the tests in the place of ground truth, and the tests by the correct programs."""
    return LabelledTask(
        rollouts,
        coder_rewards(rollouts.matrix),
        tester_rewards(rollouts.matrix, settings.tester_variant, settings.without_correct, validity),
        validity,
        unreferenced,
    )
