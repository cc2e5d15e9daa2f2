"""Settings of a view of charts: x axis and y scale. Smoothing is no part of it: all views share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cure_tui.drawing.smoothing import smoothing_text
from cure_tui.runs.curves import XAxis

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ChartSetting:
    """X axis and y scale, each with its next value."""

    axis: XAxis = XAxis.STEP
    log_y: bool = False

    def next_axis(self) -> ChartSetting:
        return replace(self, axis=_after(self.axis, tuple(XAxis)))

    def other_scale(self) -> ChartSetting:
        return replace(self, log_y=not self.log_y)

    def described(self, smoothing: float) -> str:
        """Return the line that tells a user how the charts are drawn."""
        scale = "logarithmic" if self.log_y else "linear"
        return f"over {self.axis.value}, {smoothing_text(smoothing)}, {scale} y"


def _after(value: _T, choices: Sequence[_T]) -> _T:
    """Return the next choice, the first after the last."""
    return choices[(choices.index(value) + 1) % len(choices)]
