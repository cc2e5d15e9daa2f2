"""Smoothing of curves: one setting for all charts of the app, and the text that names it.

It changes the lines only: legends, tables and exports show the raw values.
"""

from __future__ import annotations

from dataclasses import dataclass

CHOICES = (0.0, 0.6, 0.9, 0.97)
DEFAULT = 0.6
"""Enough to see a trend through the noise of single steps; the raw points stay visible below the line."""


def smoothing_text(weight: float) -> str:
    """Return the text on a chart that names the weight of its moving average."""
    return f"smoothed {weight:g}" if weight else "not smoothed"


@dataclass(slots=True)
class Smoothing:
    """Weight of the moving average in all charts of one app; any view may change it for all of them."""

    weight: float = DEFAULT

    def turn(self) -> None:
        """Change to the next choice; the first follows the last."""
        self.weight = CHOICES[(CHOICES.index(self.weight) + 1) % len(CHOICES)]
