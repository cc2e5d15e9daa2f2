"""Learning rate of an update: warm-up, then constant, linear or cosine decay to a floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.config import PolicyConfig
from engine.config.schema import Decay


@dataclass(frozen=True)
class Schedule:
    """Linear rise to `learning_rate`, then a decay that reaches `floor` times it at `total_updates`."""

    learning_rate: float
    decay: Decay = "constant"
    warmup_updates: int = 0
    total_updates: int = 0
    floor: float = 0.1

    @classmethod
    def of(cls, settings: PolicyConfig, steps: int) -> Schedule:
        """Return the schedule of a run of `steps` updates; the warm-up is cut to leave one update for the decay."""
        warmup = min(settings.warmup_steps, max(steps - 1, 0))
        return cls(settings.learning_rate, settings.schedule, warmup, max(steps, 1), settings.final_lr_share)

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that make no schedule."""
        if self.learning_rate <= 0 or not 0 <= self.floor <= 1:
            raise ValueError("a schedule needs learning_rate > 0 and floor between 0 and 1")
        if self.decay != "constant" and self.total_updates <= self.warmup_updates:
            raise ValueError(f"{self.decay} decay needs total_updates above warmup_updates")


def learning_rate(schedule: Schedule, update: int) -> float:
    """Return the rate of the update with 0-based number `update`; past `total_updates` it stays at the floor.

    Warm-up update u runs at (u + 1) / (warmup_updates + 1) of the full rate: a first update at rate 0 would be wasted.
    """
    peak = schedule.learning_rate
    if update < schedule.warmup_updates:
        return peak * (update + 1) / (schedule.warmup_updates + 1)
    if schedule.decay == "constant":
        return peak
    span = schedule.total_updates - schedule.warmup_updates
    done = min(1.0, (update - schedule.warmup_updates) / span)
    remaining = 1.0 - done if schedule.decay == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
    return peak * (schedule.floor + (1.0 - schedule.floor) * remaining)
