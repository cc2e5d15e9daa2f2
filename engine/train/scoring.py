"""Advantages of one task's rollouts: rewards by a label source in, one scored group per role out.

`engine.reward` holds the equations; this file applies them to answers that may be truncated or without signal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.config import RewardConfig
from engine.prompts import Role
from engine.reward.pass_matrix import FloatArray
from engine.reward.rewards import group_advantages, has_spread, length_transform
from engine.rollouts.rollout import TaskRollouts
from engine.sampling import Completion
from engine.train.labels import LabelledTask


@dataclass(frozen=True, eq=False)
class ScoredGroup:
    """Group of the k answers of one role to one task, with rewards and advantages.

    rewards_k, advantages_k, masked_k: (k,). masked_k: truncated answers, which are not trained on. usable: the rewards
    differ, so the group has a gradient. without_signal: the group could not be judged (no correct program).
    """

    role: Role
    prompt_ids: tuple[int, ...]
    completions: tuple[Completion, ...]
    rewards_k: FloatArray
    advantages_k: FloatArray
    masked_k: np.ndarray
    usable: bool
    without_signal: bool


@dataclass(frozen=True, eq=False)
class ScoredTask:
    """Rollouts of one task with their labels, and the scored group of each role."""

    labelled: LabelledTask
    coder: ScoredGroup
    tester: ScoredGroup

    @property
    def rollouts(self) -> TaskRollouts:
        return self.labelled.rollouts

    @property
    def groups(self) -> tuple[ScoredGroup, ScoredGroup]:
        return self.coder, self.tester


def score(task: LabelledTask, settings: RewardConfig) -> ScoredTask:
    """Score the n programs and m tests of one task by its rewards R_s and R_u: advantages within each group."""
    rollouts = task.rollouts
    return ScoredTask(
        labelled=task,
        coder=_group(Role.CODER, rollouts.coder_prompt, rollouts.coder, task.coder_n, settings),
        tester=_group(Role.TESTER, rollouts.tester_prompt, rollouts.tester, task.tester_m, settings),
    )


def _group(
    role: Role,
    prompt_ids: tuple[int, ...],
    completions: tuple[Completion, ...],
    rewards_k: FloatArray | None,
    settings: RewardConfig,
) -> ScoredGroup:
    """Shape the rewards of one group and turn them into advantages; masked answers get 0."""
    without_signal = rewards_k is None
    if rewards_k is None:
        rewards_k = np.zeros(len(completions))
    truncated_k = np.array([not completion.finished for completion in completions], dtype=np.bool_)
    # Without signal all rewards stay 0: a penalty on truncated answers alone would be a gradient without a judgement.
    if settings.truncated == "penalise" and not without_signal:
        rewards_k = np.where(truncated_k, min(rewards_k.min(), 0.0), rewards_k)
    masked_k = truncated_k if settings.truncated == "mask" else np.zeros_like(truncated_k)
    # Masked answers leave the baseline, too: their low rewards would raise the advantages of all others.
    counted_k = ~masked_k
    shaped_k = rewards_k.astype(np.float64)
    if settings.length_transform == "both" or (settings.length_transform == "tester" and role is Role.TESTER):
        lengths_k = np.array([len(completion.token_ids) for completion in completions], dtype=np.float64)
        shaped_k[counted_k] = length_transform(rewards_k[counted_k], lengths_k[counted_k])
    advantages_k = np.zeros_like(shaped_k)
    advantages_k[counted_k] = group_advantages(shaped_k[counted_k])
    return ScoredGroup(
        role=role,
        prompt_ids=prompt_ids,
        completions=completions,
        rewards_k=rewards_k,
        advantages_k=advantages_k,
        masked_k=masked_k,
        usable=has_spread(shaped_k[counted_k]),
        without_signal=without_signal,
    )
