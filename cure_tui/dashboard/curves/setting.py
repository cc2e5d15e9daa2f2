"""How charts are looked at: over which x, how smoothed, on which scale. Each key of a user turns one of them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cure_tui.runs.curves import XAxis

SMOOTHINGS = (0.0, 0.6, 0.9, 0.97)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ChartSetting:
    """The three choices, and the next of each."""

    axis: XAxis = XAxis.STEP
    smoothing: float = 0.0
    log_y: bool = False

    def next_axis(self) -> ChartSetting:
        return replace(self, axis=_after(self.axis, tuple(XAxis)))

    def next_smoothing(self) -> ChartSetting:
        return replace(self, smoothing=_after(self.smoothing, SMOOTHINGS))

    def other_scale(self) -> ChartSetting:
        return replace(self, log_y=not self.log_y)

    def __str__(self) -> str:
        smooth = f"smoothing {self.smoothing:g}" if self.smoothing else "not smoothed"
        return f"over {self.axis.value}, {smooth}, {'logarithmic' if self.log_y else 'linear'} y"


def _after(value: _T, choices: Sequence[_T]) -> _T:
    """The next choice, after the last the first."""
    return choices[(choices.index(value) + 1) % len(choices)]
