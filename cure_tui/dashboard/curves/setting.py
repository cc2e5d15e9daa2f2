"""Settings of a view of charts: x axis, y scale, the range of x, hidden lines. Smoothing is shared by all views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cure_tui.charts import Floats, format_value, moved_stop
from cure_tui.drawing.smoothing import smoothing_text
from cure_tui.runs.curves import ChartSpec, XAxis
from engine.runs.metrics import metric

_T = TypeVar("_T")
_PANNED = 0.25
"""Share of the range by which a key moves it."""
_LEAST_STOPS = 3


@dataclass(frozen=True, slots=True)
class ChartSetting:
    """Choices of the user, each with its next value.

    x_range: the x shown, None for all. cursor: the x at which legends read, None for the newest values. hidden: names
    of chart and line. words: parts of the names of the charts shown.
    """

    axis: XAxis = XAxis.STEP
    log_y: bool = False
    x_range: tuple[float, float] | None = None
    cursor: float | None = None
    hidden: frozenset[tuple[str, str]] = frozenset()
    words: str = ""

    def next_axis(self) -> ChartSetting:
        """Return the next axis, with all of it shown: an x of the old one means nothing on it."""
        return replace(self, axis=_after(self.axis, tuple(XAxis)), x_range=None, cursor=None)

    def other_scale(self) -> ChartSetting:
        return replace(self, log_y=not self.log_y)

    def toggled(self, chart: str, line: str) -> ChartSetting:
        """Return the setting in which a hidden line is shown, or a shown one hidden."""
        return replace(self, hidden=self.hidden ^ {(chart, line)})

    def is_shown(self, spec: ChartSpec) -> bool:
        """Tell whether the chart's name, or that of one of its metrics, has every word of the filter."""
        names = [spec.title, *(text for name in spec.metrics for text in (name, metric(name).title))]
        searched = " ".join(names).casefold()
        return all(word in searched for word in self.words.casefold().split())

    def zoomed(self, factor: float, places: Floats) -> ChartSetting:
        """Return the setting with a range of x `factor` times as wide, around the cursor or else with the same end.

        places: the x of all points, ascending; the range ends on two of them, and holds a few at least.
        """
        if not places.size:
            return self
        first, last = float(places[0]), float(places[-1])
        low, high = self.x_range or (first, last)
        width = (high - low) * factor
        if width >= last - first:
            return replace(self, x_range=None)
        if self.cursor is not None and low <= self.cursor <= high:
            low = min(max(first, self.cursor - (self.cursor - low) * factor), last - width)
        else:
            low = max(first, high - width)
        held = places[(places >= low) & (places <= low + width)]
        return self if len(held) < _LEAST_STOPS else replace(self, x_range=(low, low + width))

    def panned(self, by: int, places: Floats) -> ChartSetting:
        """Return the setting with the range of x moved by a quarter of its width, at most to the ends of the data."""
        if self.x_range is None or not places.size:
            return self
        low, high = self.x_range
        moved = by * _PANNED * (high - low)
        moved = max(float(places[0]) - low, min(moved, float(places[-1]) - high))
        return replace(self, x_range=(low + moved, high + moved))

    def whole(self) -> ChartSetting:
        """Return the setting that shows all of x, without a cursor."""
        return replace(self, x_range=None, cursor=None)

    def with_cursor_moved(self, by: int, places: Floats) -> ChartSetting:
        """Return the setting with the cursor on the point `by` points further; the range follows it."""
        cursor = moved_stop(places, self.cursor, by)
        if cursor is None or self.x_range is None:
            return replace(self, cursor=cursor)
        low, high = self.x_range
        aside = cursor - high if cursor > high else min(0.0, cursor - low)
        return replace(self, cursor=cursor, x_range=(low + aside, high + aside))

    def described(self, smoothing: float) -> str:
        """Return the line that tells a user how the charts are drawn."""
        scale = "logarithmic" if self.log_y else "linear"
        parts = [f"over {self.axis.value}", smoothing_text(smoothing), f"{scale} y"]
        if self.x_range is not None:
            parts.append(
                f"{self.axis.value} {format_value(self.x_range[0])} to {format_value(self.x_range[1])} (0: all)"
            )
        return ", ".join(parts)


def _after(value: _T, choices: Sequence[_T]) -> _T:
    """Return the next choice, the first after the last."""
    return choices[(choices.index(value) + 1) % len(choices)]
