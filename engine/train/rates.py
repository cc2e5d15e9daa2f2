"""Rates of a run's steps, written down for the plans of later runs on this machine."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import cached_property
from statistics import median

from engine.config import RunConfig
from engine.machine.probe import probe_machine
from engine.machine.run_plan.remembered import measured_now, rate_key, remember
from engine.machine.run_plan.room import Room
from engine.machine.run_plan.speed import device_name

_NAMES = ("tokens_per_second", "update_tokens_per_second", "coder_length_mean", "tester_length_mean")
_STEPS = 5


class RateMemory:
    """Medians of the newest steps under the same limit on answers; nothing until a step has trained."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._limit = 0
        self._steps: deque[tuple[float, ...]] = deque(maxlen=_STEPS)

    def learn(self, metrics: Mapping[str, float | None], limit: int) -> None:
        """Take the metrics of a step whose longest answer allowed was `limit` tokens."""
        if limit != self._limit:
            self._limit = limit
            self._steps.clear()
        values = tuple(metrics.get(name) or 0.0 for name in _NAMES)
        if all(value > 0 for value in values):
            self._steps.append(values)
            sampled, trained, coder, tester = (median(row) for row in zip(*self._steps, strict=True))
            remember(self._key, measured_now(sampled, trained, coder, tester, limit))

    @cached_property
    def _key(self) -> str:
        return rate_key(self._config, device_name(Room.of(probe_machine())))
