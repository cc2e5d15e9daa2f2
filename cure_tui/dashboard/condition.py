"""Condition of a run as a glyph and a word, the same in lists, headers and comparisons."""

from __future__ import annotations

from collections.abc import Mapping

from cure_tui.drawing.spans import Span
from engine.runs.listing import RunCondition

CONDITION_GLYPHS: Mapping[RunCondition, tuple[str, str]] = {
    RunCondition.LIVE: ("●", "good"),
    RunCondition.FINISHED: ("✔", "good"),
    RunCondition.STOPPED: ("■", "warning"),
    RunCondition.FAILED: ("✘", "error"),
    RunCondition.CRASHED: ("☠", "error"),
    RunCondition.UNREADABLE: ("?", "error"),
}
"""Glyph and style of each condition."""


def condition_span(condition: RunCondition, *, paused: bool = False) -> Span:
    """Return the condition as a glyph and a word."""
    if paused and condition is RunCondition.LIVE:
        return Span("⏸ paused", "warning")
    glyph, style = CONDITION_GLYPHS[condition]
    return Span(f"{glyph} {condition.value}", style)
