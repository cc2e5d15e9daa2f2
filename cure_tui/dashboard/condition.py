"""Condition of a run as a glyph and a word, the same in lists, headers and comparisons."""

from __future__ import annotations

from collections.abc import Mapping

from cure_tui.drawing.spans import Span
from engine.runs.listing import RunCondition

CONDITION_GLYPHS: Mapping[RunCondition, tuple[str, str, str]] = {
    RunCondition.LIVE: ("●", "*", "good"),
    RunCondition.FINISHED: ("✔", "+", "good"),
    RunCondition.STOPPED: ("■", "#", "warning"),
    RunCondition.FAILED: ("✘", "x", "error"),
    RunCondition.CRASHED: ("☠", "!", "error"),
    RunCondition.UNREADABLE: ("?", "?", "error"),
}
"""Glyph, ASCII glyph and style of each condition."""


def condition_span(condition: RunCondition, *, paused: bool = False, ascii_only: bool = False) -> Span:
    """Return the condition as a glyph and a word."""
    if paused and condition is RunCondition.LIVE:
        return Span("|| paused" if ascii_only else "⏸ paused", "warning")
    glyph, letter, style = CONDITION_GLYPHS[condition]
    return Span(f"{letter if ascii_only else glyph} {condition.value}", style)
