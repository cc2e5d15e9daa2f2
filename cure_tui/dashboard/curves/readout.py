"""Best values of a chart in a row, each with the place where it was reached."""

from __future__ import annotations

from collections.abc import Sequence

from cure_tui.charts import Series, best_of, format_value
from cure_tui.charts.legend import BEST
from cure_tui.charts.series import points
from cure_tui.drawing.spans import Row, Span
from cure_tui.runs.curves import XAxis

_UNITS = {XAxis.STEP: "step {}", XAxis.MINUTES: "minute {}", XAxis.TOKENS: "{} tokens", XAxis.PROBLEMS: "{} problems"}


def best_row(series: Sequence[Series], axis: XAxis) -> Row:
    """Return the best raw value of each shown line, and where it was first reached; empty if no line has one."""
    spans: list[Span] = []
    for each in series:
        best = None if each.hidden else best_of(each, points(each.x, each.y))
        if best is not None:
            where = _UNITS[axis].format(format_value(best.x))
            spans += [
                Span(", " if spans else f"{BEST} best: ", "muted"),
                Span(each.name, each.style),
                Span(f" {format_value(best.y)} at {where}", "text"),
            ]
    return tuple(spans)
