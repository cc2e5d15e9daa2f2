"""Axes of a plot: their span, their ticks, and the position of a value on them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cure_tui.charts.rounding import nearest
from cure_tui.charts.series import HUGE, TINY, ChartOptions, Floats
from cure_tui.charts.ticks import Ends, cover, format_tick, format_value, log_cover, nice_ticks, step_of

_SAME = 1e-12  # relative: values closer than this count as equal, as no tick could separate them


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis from `low` to `high`, low < high; one label per tick."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    log: bool = False

    def fractions(self, values: Floats) -> Floats:
        """Return positions: 0 at `low`, 1 at `high`, values outside beyond them. On a log axis all must be positive."""
        if not self.log:
            with np.errstate(over="ignore"):  # far outside of a narrow fixed range
                return (values - self.low) / (self.high - self.low)
        low, high = math.log10(self.low), math.log10(self.high)
        fractions: Floats = (np.log10(values) - low) / (high - low)
        return fractions

    def dots(self, values: Floats, dots: int) -> Floats:
        """Return positions on a side of `dots` dots: 0 at `low`, dots - 1 at `high`, not rounded."""
        with np.errstate(over="ignore"):  # as above
            return self.fractions(values) * (dots - 1)

    def labelled(self, dots: int, downwards: bool = False) -> list[tuple[int, str]]:
        """Return the dot and the label of each tick; `downwards` counts dots from `high`, as lines are drawn."""
        if not self.ticks:
            return []
        up = self.dots(np.array(self.ticks), dots)
        at = nearest(dots - 1 - up if downwards else up)
        return [(int(dot), label) for dot, label in zip(at, self.labels, strict=True) if 0 <= dot < dots]


def span_of(values: Iterable[Floats]) -> Ends | None:
    """Return the smallest and the largest of finite values; None if there are no values."""
    ends = [(float(each.min()), float(each.max())) for each in values if each.size]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None


def y_scale(data: Ends, options: ChartOptions, intervals: int, least: float = 0.0) -> Scale:
    """Return the y axis for the data's span or `options.y_range`, with about `intervals` steps between its ticks.

    least: the smallest step between ticks.
    """
    fixed = _usable(options.y_range, data, options.log_y)
    low, high = widened(fixed or data, options.log_y)
    intervals = max(1, intervals)
    if options.log_y:
        ends, ticks = log_cover(low, high, intervals)
    else:
        ends, ticks = cover(low, high, intervals, least)
    if fixed:
        ends = low, high
        ticks = tuple(tick for tick in ticks if low <= tick <= high) or ends
    if options.log_y:
        labels = tuple(format_tick(tick, tick) for tick in ticks)
    else:
        labels = tuple(format_tick(tick, step_of(ticks)) for tick in ticks)
    return Scale(*ends, ticks, labels, options.log_y)


def x_scale(data: Ends, intervals: int, whole: bool) -> Scale:
    """Return the x axis, which ends with the data and a tick; `whole`: ticks are whole numbers (steps).

    The last x says how far the data go: it takes the place of a tick less than half a step before it.
    """
    low, high = widened(data, log=False)
    if data[0] == data[1]:
        return Scale(low, high, data[:1], (format_tick(data[0], 1.0 if whole else 0.0),))
    ticks = nice_ticks(low, high, max(1, intervals), 1.0 if whole else 0.0)
    step = step_of(ticks)
    last = float(math.floor(high)) if whole else high
    if not ticks or last - ticks[-1] <= step * _SAME:
        return Scale(low, high, ticks, tuple(format_tick(tick, step) for tick in ticks))
    ticks = tuple(tick for tick in ticks if last - tick >= step / 2)
    return Scale(low, high, (*ticks, last), (*(format_tick(tick, step) for tick in ticks), format_value(last)))


def are_whole(values: Iterable[Floats]) -> bool:
    """Return True if all values are whole numbers, such as steps, tokens or problems."""
    return all(bool(np.all(each == np.floor(each))) for each in values)


def _usable(span: Ends | None, data: Ends, log: bool) -> Ends | None:
    if span is None or not all(-HUGE < end < HUGE for end in span):
        return None
    low, high = min(span), max(span)
    if log and low <= TINY:
        low = min(data[0], high)
    return (low, high) if not log or low > TINY else None


def widened(span: Ends, log: bool) -> Ends:
    """Return the span, or a wider one around it if it is only a point."""
    low, high = span
    size = max(abs(low), abs(high))
    if high - low > max(size * _SAME, TINY):
        return span
    if log:
        return low / 2, high * 2
    around = size / 2 if size > TINY else 1.0
    return low - around, high + around
