"""Input of charts: series of points, and the options for drawing them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HUGE = 1e290
"""Larger numbers are drawn as gaps, like infinity: their differences would overflow."""
TINY = 1e-290
"""Smaller spans count as zero, and a logarithmic axis begins above it: their quotients would be subnormal."""
MAX_SMOOTHING = 0.99


class GlyphSet(StrEnum):
    """Characters of a plot: 2 x 4 dots per cell, 2 x 2 quarters per cell, or one letter per cell."""

    BRAILLE = "braille"
    BLOCK = "block"
    ASCII = "ascii"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Points y [k] over ascending x [k], joined by lines; NaN or infinity in y is a gap.

    better: 1 if more is better, -1 if less is, 0 if neither; the best point of the first two is marked.
    hidden: it keeps its number, and with it its marker, but is neither drawn nor in the legend.
    Do not change the arrays afterwards. Raises ValueError if their lengths differ.
    """

    name: str
    x: Floats
    y: Floats
    style: str = "series0"
    better: int = 0
    hidden: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", np.asarray(self.x, dtype=np.float64))
        object.__setattr__(self, "y", np.asarray(self.y, dtype=np.float64))
        if self.x.ndim != 1 or self.x.shape != self.y.shape:
            raise ValueError(
                f"series {self.name!r}: x {self.x.shape} and y {self.y.shape} must be equally long vectors"
            )


@dataclass(frozen=True, slots=True)
class ChartOptions:
    """Options for drawing a chart.

    title, x_label: of the whole chart and of its x axis
    log_y: logarithmic y axis; values that are not positive are gaps
    y_range: (low, high) of the y axis; by default the range of the data, extended to the next ticks
    smoothing: weight of the moving average, 0 (off) to 0.99; the raw points stay visible beneath
    cursor_x: x of a vertical line at which the legend reads its values; by default it reads the last values
    x_range: (low, high) of the points shown; by default all. Smoothing does not depend on it
    marks: markers on each line, the last at its end; several of them distinguish crossing lines without colour
    """

    title: str = ""
    x_label: str = ""
    log_y: bool = False
    y_range: tuple[float, float] | None = None
    smoothing: float = 0.0
    glyphs: GlyphSet = GlyphSet.BRAILLE
    cursor_x: float | None = None
    legend: bool = True
    marks: int = 1
    x_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """Drawable points of a series: finite, x ascending. `joined_k`: True if a line joins a point to the one before."""

    x_k: Floats
    y_k: Floats
    joined_k: npt.NDArray[np.bool_]

    def within(self, x_range: tuple[float, float] | None) -> Points:
        """Return the points whose x lies in the range, both ends included; all without a range."""
        if x_range is None:
            return self
        first = int(np.searchsorted(self.x_k, x_range[0], side="left"))
        last = int(np.searchsorted(self.x_k, x_range[1], side="right"))
        joined = self.joined_k[first:last].copy()
        joined[:1] = False
        return Points(self.x_k[first:last], self.y_k[first:last], joined)


def points(x: Floats, y: Floats, log_y: bool = False) -> Points:
    """Return the drawable points of y over x, without gaps; x is sorted unless ascending."""
    fit = (np.abs(y) < HUGE) & (np.abs(x) < HUGE)  # false for NaN and infinity too
    if log_y:
        fit &= y > TINY
    if fit.all():
        joined = np.ones(len(x), dtype=np.bool_)
        joined[:1] = False
    else:
        kept = np.flatnonzero(fit)
        joined = np.diff(kept, prepend=-2) == 1
        x, y = x[kept], y[kept]
    if np.any(x[1:] < x[:-1]):
        order = np.argsort(x, kind="stable")
        x, y, joined = x[order], y[order], joined[order]
    return Points(x, y, joined)


def band_of(style: str) -> str:
    """Return the dim style that belongs to a series' style: "series2" -> "band2"."""
    if style.startswith("series"):
        return "band" + style.removeprefix("series")
    return {"coder": "band0", "tester": "band1"}.get(style, "muted")
