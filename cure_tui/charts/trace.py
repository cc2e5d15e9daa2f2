"""From points to dots: the stretch of every dot column that a line or a band covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cure_tui.charts.rounding import nearest
from cure_tui.charts.series import Floats

_FAR = 1e9  # dots beyond the plot, where a fixed y range leaves points that a slope can no longer be told of


@dataclass(frozen=True, slots=True)
class Extent:
    """Per dot column the rows from `top_w` to `bottom_w`, counted downwards, not rounded; inf, -inf where empty."""

    top_w: Floats
    bottom_w: Floats

    def row_at(self, column: int) -> float | None:
        """The middle of one column; None where it is empty."""
        top, bottom = float(self.top_w[column]), float(self.bottom_w[column])
        return (top + bottom) / 2 if top <= bottom else None


def trace(across_k: Floats, down_k: Floats, joined_k: npt.NDArray[np.bool_], width: int) -> Extent:
    """What a line through points covers of `width` dot columns; across_k ascending, within 0 to width - 1.

    Of all points in one column the highest and the lowest count, so no spike is lost however many share it. Between
    joined points the line covers in each column what it passes there; neighbouring columns share the value at their
    border, so there are no holes. Lines joined inside one column are not told apart from gaps narrower than it.
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
    """The band from the top of one line to the bottom of another, where both are."""
    both = (upper.top_w <= upper.bottom_w) & (lower.top_w <= lower.bottom_w)
    top = np.where(both, np.minimum(upper.top_w, lower.top_w), np.inf)
    return Extent(top, np.where(both, np.maximum(upper.bottom_w, lower.bottom_w), -np.inf))
