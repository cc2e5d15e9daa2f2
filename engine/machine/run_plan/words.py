"""Durations in words, rounded as far as an estimate is worth."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a duration in words: "40 s", "12 min", "3.5 h", "6 days"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 72 * 3600 else f"{seconds / 86400:.0f} days"
