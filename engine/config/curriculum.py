"""Curriculum of answer length: the limits on answers that a run goes through, stage by stage.

A run that starts at the full limit spends most of its first steps on the tails of answers that are wrong anyway. A
lower limit at first teaches the policy to come to an end, and later stages give it room for harder tasks. Evaluations
always use the full limit: their figures would not be comparable otherwise.
"""

from __future__ import annotations

from engine.config.schema import RolloutConfig


def stage_count(rollout: RolloutConfig) -> int:
    """Return the number of stages, the last one at the full limit; 1 without a curriculum."""
    return len(rollout.length_curriculum) + 1


def longest_answer(rollout: RolloutConfig) -> int:
    """Return the longest answer of either role that `rollout` allows, in tokens."""
    return max(rollout.max_new_tokens_coder, rollout.max_new_tokens_tester)


def at_stage(rollout: RolloutConfig, stage: int) -> RolloutConfig:
    """Return `rollout` with the limits of `stage`, counted from 0; from the last stage on, `rollout` itself."""
    if stage >= len(rollout.length_curriculum):
        return rollout
    limit = rollout.length_curriculum[stage]
    limits = {name: min(getattr(rollout, name), limit) for name in ("max_new_tokens_coder", "max_new_tokens_tester")}
    return rollout.model_copy(update=limits)
