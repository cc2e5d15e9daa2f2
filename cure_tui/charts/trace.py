"""Conversion of points to dots: the extent that a line or a band covers in every dot column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cure_tui.charts.rounding import nearest
from cure_tui.charts.series import Floats

_FAR = 1e9  # dots beyond the plot; points that a fixed y range puts further off are clipped, so that slopes stay finite


@dataclass(frozen=True, slots=True)
class Extent:
    """Rows from `top_w` to `bottom_w` per dot column [w], counted downwards, not rounded; inf, -inf if empty."""

    top_w: Floats
    bottom_w: Floats

    def row_at(self, column: int) -> float | None:
        """Return the middle row of one column; None if it is empty."""
        top, bottom = float(self.top_w[column]), float(self.bottom_w[column])
        return (top + bottom) / 2 if top <= bottom else None


def trace(across_k: Floats, down_k: Floats, joined_k: npt.NDArray[np.bool_], width: int) -> Extent:
    """Return the extent of a line through points on `width` dot columns; across_k ascends within 0 to width - 1.

    A column covers its highest and its lowest point, so no spike is lost however many points share the column. Between
    joined points, a column covers the rows that the line passes; neighbouring columns share the value at their border,
    so the line has no holes. A gap narrower than a column does not show.
    """
    top, bottom = np.full(width, np.inf), np.full(width, -np.inf)
    if not across_k.size:
        return Extent(top, bottom)
    column_k = nearest(across_k)
    starts = np.flatnonzero(np.diff(column_k, prepend=-1))
    top[column_k[starts]] = np.minimum.reduceat(down_k, starts)
    bottom[column_k[starts]] = np.maximum.reduceat(down_k, starts)

    after = starts[1:][joined_k[starts[1:]]]
    before = after - 1
    left, right = column_k[before], column_k[after]
    counts = right - left + 1
    pair = np.repeat(np.arange(len(counts)), counts)
    steps = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    start, stop = np.clip(down_k[before], -_FAR, _FAR), np.clip(down_k[after], -_FAR, _FAR)
    rise = (stop - start) / np.maximum(right - left, 1)
    enter = start[pair] + rise[pair] * np.maximum(steps - 0.5, 0)
    leave = start[pair] + rise[pair] * np.minimum(steps + 0.5, (right - left)[pair])
    np.minimum.at(top, left[pair] + steps, np.minimum(enter, leave))
    np.maximum.at(bottom, left[pair] + steps, np.maximum(enter, leave))
    return Extent(top, bottom)


def between(upper: Extent, lower: Extent) -> Extent:
    """Return the band from the top of one line to the bottom of another, in the columns that both cover."""
    both = (upper.top_w <= upper.bottom_w) & (lower.top_w <= lower.bottom_w)
    top = np.where(both, np.minimum(upper.top_w, lower.top_w), np.inf)
    return Extent(top, np.where(both, np.maximum(upper.bottom_w, lower.bottom_w), -np.inf))
