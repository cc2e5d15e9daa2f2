"""Anchors: a few tasks with hidden tests that are never trained on, sampled in every step of a run without labels.

They tell the four rates of B4 (how often a program and a test are right, how often a wrong program passes a right test
and a wrong one), and whether what the run presumes is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from engine.config import RolloutConfig, RunConfig
from engine.errors import DataError
from engine.problems import Problem
from engine.reward.trust import aggregate_trust, trust
from engine.rollouts.executing import Runner
from engine.rollouts.observer import RolloutObserver
from engine.rollouts.rollout import EncodePrompt, TaskRollouts, roll_out
from engine.sampling import Sampler
from engine.sandbox import judging_of
from engine.seeds import derive_seed
from engine.solve.selectors.b4 import Priors
from engine.train.labels.consensus import presumed_of

N_PROGRAMS = M_TESTS = 8
"""Programs and tests sampled for each anchor in each step."""
HALVED_EVERY = 20
"""Steps after which the counts are halved: the rates change while the policy learns."""


@dataclass(frozen=True, slots=True)
class RateCounts:
    """Counts behind the rates: hits and misses of x (a program is right), y (a test is), one and zero (B4's)."""

    x_hits: float = 0.0
    x_misses: float = 0.0
    y_hits: float = 0.0
    y_misses: float = 0.0
    one_hits: float = 0.0
    one_misses: float = 0.0
    zero_hits: float = 0.0
    zero_misses: float = 0.0

    @classmethod
    def of(cls, tasks: Sequence[TaskRollouts]) -> RateCounts:
        """Count the programs and tests of some anchors."""
        told = aggregate_trust(trust(task.matrix) for task in tasks)
        right = sum(int(task.matrix.correct_n.sum()) for task in tasks)
        wrong = sum(int(task.matrix.wrong_n.sum()) for task in tasks)
        return cls(
            right, wrong, told.n_right, told.n_tests - told.n_right,
            told.wrong_passes_right, told.wrong_on_right - told.wrong_passes_right,
            told.wrong_passes_wrong, told.wrong_on_wrong - told.wrong_passes_wrong,
        )  # fmt: skip

    @classmethod
    def read(cls, numbers: Sequence[float]) -> RateCounts:
        """Return the counts of a checkpoint; none of another number of fields. Raises ValueError."""
        if numbers and len(numbers) != len(fields(cls)):
            raise ValueError(f"{len(numbers)} counts of rates")
        return cls(*numbers)

    def numbers(self) -> tuple[float, ...]:
        return tuple(getattr(self, each.name) for each in fields(self))

    def after(self, step: int, more: RateCounts) -> RateCounts:
        """Return the counts after step `step` (from 1): with those of the step, and halved every 20 steps."""
        share = 0.5 if step % HALVED_EVERY == 0 else 1.0
        return RateCounts(*(share * (old + new) for old, new in zip(self.numbers(), more.numbers(), strict=True)))

    @property
    def priors(self) -> Priors:
        """Beta priors: the counts and 1."""
        x, y, one, zero = (
            (hits + 1.0, misses + 1.0) for hits, misses in zip(self.numbers()[::2], self.numbers()[1::2], strict=True)
        )
        return Priors(x, y, one, zero)


@dataclass(frozen=True, slots=True)
class AnchorFigures:
    """Figures of the anchors in one step; None where nothing could be judged.

    code: share of right programs. ut: share of right tests. precision: share of right programs among those that
    consensus presumes right, where its labels are used.
    """

    code: float | None
    ut: float | None
    precision: float | None


def anchor_figures(tasks: Sequence[TaskRollouts], priors: Priors | None) -> AnchorFigures:
    """Return the figures of some anchors. priors: those of consensus labels, None for labels of another kind."""
    judged = sum(int(task.matrix.judged_n.sum()) for task in tasks)
    right = sum(int(task.matrix.correct_n.sum()) for task in tasks)
    members = hits = 0
    if priors is not None:
        for task in tasks:
            presumed = presumed_of(task, priors)
            known_n = presumed.members_n & task.matrix.judged_n if not presumed.doubt else np.zeros(0, dtype=np.bool_)
            members += int(known_n.sum())
            hits += int(task.matrix.correct_n[known_n].sum()) if len(known_n) else 0
    return AnchorFigures(
        right / judged if judged else None,
        aggregate_trust(trust(task.matrix) for task in tasks).p_u,
        hits / members if members else None,
    )


def anchors_of(config: RunConfig, validation: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the run's anchors, the first validation tasks with hidden tests; () with hidden labels.

    Raises DataError if there are too few.
    """
    wanted = 0 if config.reward.labels == "hidden" else config.reward.anchors
    found = tuple(problem for problem in validation if problem.hidden)[:wanted]
    if len(found) < wanted:
        raise DataError(
            f"reward.anchors = {wanted}, but {config.data.validation} has {len(found)} tasks with hidden tests",
            "give more validation tasks, or set reward.anchors = 0 for a run without",
        )
    return found


def anchor_rollout(rollout: RolloutConfig) -> RolloutConfig:
    """Return the settings by which anchors are sampled: those of training, with 8 programs and 8 tests."""
    return rollout.model_copy(update={"n_programs": N_PROGRAMS, "m_tests": M_TESTS})


def sample_anchors(
    anchors: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    runner: Runner,
    config: RunConfig,
    rollout: RolloutConfig,
    step: int,
    observer: RolloutObserver,
    *,
    in_thought: bool,
) -> list[TaskRollouts]:
    """Sample and execute the anchors by the policy as it is after step `step`."""
    judging = judging_of(config.sandbox.judging, config.sandbox.comparison)
    seed = derive_seed(config.run.seed, "anchors", step)
    tasks, _ = roll_out(
        anchors, encode, sampler, runner, rollout, judging, seed, observer, config.sandbox.time_rule,
        in_thought=in_thought,
    )  # fmt: skip
    return tasks
