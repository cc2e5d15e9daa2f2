"""Digest of a run for a small terminal: live answers on a line each, and key curves as sparklines with their values."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cure_tui.charts import GlyphSet, format_value, sparkline
from cure_tui.dashboard.wall.picture import wall_lines
from cure_tui.drawing.spans import Row, Span, fit
from cure_tui.runs.activity import activity
from cure_tui.runs.comparison import accuracies_reached
from cure_tui.runs.watcher import Snapshot
from engine.evaluation.table import accuracy_title, change_text, estimate_text
from engine.runs.live import LiveView
from engine.runs.state import RunState

WALL_LINES, RESULT_LINES = 6, 4
CURVES = (
    ("code_accuracy", "code"),
    ("coder_reward", "coder rew."),
    ("ut_accuracy", "UT"),
    ("tester_reward", "tester rew."),
    ("bon_accuracy", "BoN"),
    ("mu", "mu"),
    ("tokens_per_second", "tok/s"),
    ("kl", "KL"),
)
"""Metrics and their names, two a row."""
_NAME_COLUMNS, _VALUE_COLUMNS, _GAP, _TITLE_COLUMNS = 11, 8, 3, 30


def digest_rows(
    snapshot: Snapshot, live: LiveView | None, step: int | None, columns: int, *, glyphs: GlyphSet = GlyphSet.BRAILLE
) -> list[Row]:
    """Return the rows: the wall of a live run or the results of an ended one, then the curves.

    step: the step whose values are shown, None for the newest. The sparklines are of raw values, over all steps.
    """
    if snapshot.is_live:
        slots = () if live is None else live.slots
        rows = wall_lines(slots, columns, WALL_LINES, nothing=activity(snapshot.condition, snapshot.state))
    else:
        rows = list(_results(snapshot.state, columns))
    return [*rows, *curve_rows(snapshot.state, step, columns, glyphs=glyphs)]


def curve_rows(state: RunState, step: int | None, columns: int, *, glyphs: GlyphSet = GlyphSet.BRAILLE) -> list[Row]:
    """Return name, raw value and sparkline of each curve, two a row; none before the first step."""
    if not state.points:
        return []
    wide = (columns - _GAP) // 2
    cells = [
        _cell(state, step, name, label, wide, f"series{at % 2}", glyphs) for at, (name, label) in enumerate(CURVES)
    ]
    return [(*left, Span(" " * _GAP), *right) for left, right in zip(cells[::2], cells[1::2], strict=True)]


def _cell(state: RunState, step: int | None, name: str, label: str, columns: int, style: str, glyphs: GlyphSet) -> Row:
    values = state.column(name)
    steps = state.axis("step")
    at = len(steps) - 1 if step is None else int(np.searchsorted(steps, step))
    known = at < len(steps) and (step is None or steps[at] == step) and bool(np.isfinite(values[at]))
    value = format_value(float(values[at])) if known else "-"
    head = (Span(f"{label:<{_NAME_COLUMNS}}", "muted"), Span(f"{value:>{_VALUE_COLUMNS}} ", "text"))
    return fit((*head, *sparkline(values, columns - _NAME_COLUMNS - _VALUE_COLUMNS - 1, glyphs, style)), columns)


def _results(state: RunState, columns: int) -> Iterator[Row]:
    """Yield the held-out accuracies at start and end, the largest best-of-n as the last of them."""
    reached = accuracies_reached([state])
    kept = [*reached[: RESULT_LINES - 1], *reached[-1:]] if len(reached) > RESULT_LINES else reached
    if not kept:
        yield fit((Span("no evaluation on held-out tasks", "muted"),), columns)
    for each in kept:
        title = f"held out, {accuracy_title(each.metric)}"
        change = each.change
        style = "muted" if not change else "good" if change > 0 else "bad"
        yield fit(
            (
                Span(f"{title:<{_TITLE_COLUMNS}}", "muted"),
                Span(f"{estimate_text(each.start):>12} → {estimate_text(each.end)}  ", "text"),
                Span(change_text(change), style),
            ),
            columns,
        )
