"""Smoothing of curves: one setting for all charts of the app, and the words that name it wherever it is applied.

It moves lines alone: legends, tables and exported tables read the raw values.
"""

from __future__ import annotations

from dataclasses import dataclass

CHOICES = (0.0, 0.6, 0.9, 0.97)
DEFAULT = 0.6
"""Enough to see a trend through the noise of single steps; the raw points stay visible beneath."""


def smoothing_text(weight: float) -> str:
    """Name the weight of a moving average."""
    return f"smoothed {weight:g}" if weight else "not smoothed"


@dataclass(slots=True)
class Smoothing:
    """Weight of the moving average in all charts of one app: any view of charts may change it for all of them."""

    weight: float = DEFAULT

    def turn(self) -> None:
        """Take the next choice, after the last the first."""
        self.weight = CHOICES[(CHOICES.index(self.weight) + 1) % len(CHOICES)]
