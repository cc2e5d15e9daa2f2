"""Reading of series: values at a cursor, best values, and the places where a cursor may stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cure_tui.charts.series import Floats, Points, Series, points


@dataclass(frozen=True, slots=True)
class Reading:
    """Value of a series and the x at which it was measured."""

    x: float
    y: float


def value_at(series: Series, line: Points, x: float | None) -> Reading | None:
    """Return the value at x, or the last one before it if the series has no point there; None x: the last value.

    A point of the series at x that cannot be drawn is a gap there, and not the value before it. After its last and
    before its first point a series has no value.
    """
    if not line.x_k.size:
        return None
    if x is None:
        return Reading(float(line.x_k[-1]), float(line.y_k[-1]))
    at = int(np.searchsorted(line.x_k, x, side="right")) - 1
    if at < 0 or x > line.x_k[-1]:
        return None
    found = float(line.x_k[at])
    if found != x and bool(np.any(series.x == x)):
        return None
    return Reading(found, float(line.y_k[at]))


def best_of(series: Series, line: Points) -> Reading | None:
    """Return the best value and the first x at which it was reached; None if neither more nor less is better."""
    if not series.better or not line.x_k.size:
        return None
    at = int(np.argmax(line.y_k) if series.better > 0 else np.argmin(line.y_k))
    return Reading(float(line.x_k[at]), float(line.y_k[at]))


def stops(series: Sequence[Series], x_range: tuple[float, float] | None = None) -> Floats:
    """Return the x of every drawable point of the shown series, ascending, each once: places of a cursor."""
    shown = [points(each.x, each.y).within(x_range).x_k for each in series if not each.hidden]
    return np.unique(np.concatenate(shown)) if shown else np.zeros(0)


def nearest_stop(places: Floats, x: float) -> float | None:
    """Return the place nearest to x, None without places."""
    return float(places[int(np.argmin(np.abs(places - x)))]) if places.size else None


def moved_stop(places: Floats, x: float | None, by: int) -> float | None:
    """Return the place `by` places from x, at most the last or first; from no x, the last one backwards."""
    if not places.size:
        return None
    if x is None:
        at = len(places) if by < 0 else -1
    else:
        at = int(np.searchsorted(places, x, side="left"))
        if by > 0 and (at == len(places) or places[at] != x):
            at -= 1
    return float(places[min(max(0, at + by), len(places) - 1)])
