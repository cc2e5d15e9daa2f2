"""Progress through the curriculum of answer length: when the limit on answers is raised."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from engine.config import RolloutConfig, at_stage, longest_answer, stage_count

SHARE_STEPS = 3
"""Steps whose median share of cut-off answers decides: a single step may have drawn short tasks."""


@dataclass(frozen=True)
class LengthStage:
    """Stage of the curriculum: its number from 0, the steps done at it, their newest shares of cut-off answers."""

    number: int = 0
    steps: int = 0
    truncated: tuple[float, ...] = ()

    def after_step(self, rollout: RolloutConfig, truncated: float) -> LengthStage:
        """Return the stage of the next step; `truncated`: share of the step's answers that were cut off."""
        if self.number >= stage_count(rollout) - 1:
            return self
        steps, shares = self.steps + 1, (*self.truncated, truncated)[-SHARE_STEPS:]
        is_over = 0 < rollout.length_steps <= steps
        within = len(shares) == SHARE_STEPS and median(shares) <= rollout.length_truncated
        if is_over or (within and rollout.length_truncated > 0):
            return LengthStage(self.number + 1)
        return LengthStage(self.number, steps, shares)

    def limit(self, rollout: RolloutConfig) -> int:
        """Return the longest answer allowed at this stage, in tokens."""
        return longest_answer(at_stage(rollout, self.number))

    def notice_after(self, before: LengthStage, rollout: RolloutConfig) -> str:
        """Say that the limit on answers has been raised since the stage `before`; "" if it has not."""
        if self.number == before.number:
            return ""
        return f"answers may take {self.limit(rollout):,} tokens from now on, instead of {before.limit(rollout):,}"
