"""Line chart: several series over one x, smoothed on request, with the raw points beneath."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cure_tui.charts.canvas import Brush, Canvas, Fill
from cure_tui.charts.frame import draw_cursor, empty, extent_of, lay_out
from cure_tui.charts.legend import Entry, marker_of
from cure_tui.charts.rounding import nearest
from cure_tui.charts.scale import are_whole, span_of
from cure_tui.charts.series import ChartOptions, Points, Series, band_of, points
from cure_tui.charts.smoothing import smoothed
from cure_tui.charts.ticks import format_value
from cure_tui.charts.trace import Extent
from cure_tui.drawing.spans import Row

_DEFAULT = ChartOptions()
_RAW_LETTER = "."
_MARKER_TRIES = 8  # cells to step left if the cell has another series' marker


@dataclass(frozen=True, slots=True)
class _Curve:
    """A series as drawn. The legend reads `raw`; `smooth`, unless None, is drawn over it."""

    series: Series
    marker: str
    raw: Points
    smooth: Points | None

    @property
    def line(self) -> Points:
        return self.smooth or self.raw


def line_chart(series: Sequence[Series], columns: int, rows: int, options: ChartOptions = _DEFAULT) -> list[Row]:
    """Draw the series as `rows` rows of text, each `columns` wide. Never raises: undrawable points are left out."""
    if columns < 1 or rows < 1:
        return [() for _ in range(rows)]
    curves = [_curve(each, number, options) for number, each in enumerate(series)]
    x, y = span_of(curve.raw.x_k for curve in curves), span_of(curve.raw.y_k for curve in curves)
    if x is None or y is None:
        return empty(columns, rows, options)
    entries = [_entry(curve, options.cursor_x) for curve in curves]
    if len(entries) == 1 and entries[0].name == options.title:
        entries = [Entry("", entries[0].style, "", entries[0].value)]  # the title already says it
    if options.cursor_x is not None and x[0] <= options.cursor_x <= x[1]:
        entries = [Entry("", "accent", options.x_label or "x", format_value(options.cursor_x)), *entries]
    frame = lay_out(x, y, columns, rows, options, entries, are_whole(curve.raw.x_k for curve in curves))
    canvas = frame.canvas()
    for curve in curves:
        if curve.smooth:
            brush = Brush(band_of(curve.series.style), _RAW_LETTER, Fill.RAW)
            canvas.paint(extent_of(curve.raw, frame, canvas), brush)
    extents = [extent_of(curve.line, frame, canvas) for curve in curves]
    for curve, extent in zip(curves, extents, strict=True):
        canvas.paint(extent, Brush(curve.series.style, curve.marker))
    for curve, extent in zip(curves, extents, strict=True):
        if len(curves) > 1 or curve.line.x_k.size == 1:  # a single dot is easily missed
            _mark(canvas, extent, curve.marker, curve.series.style)
    for number, (curve, extent) in enumerate(zip(curves, extents, strict=True)):
        for share in range(1, options.marks):
            at = (share - number / len(curves)) / options.marks  # no two lines have markers in the same column
            _mark(canvas, extent, curve.marker, curve.series.style, at)
    draw_cursor(canvas, frame)
    return frame.around(canvas.read())


def _curve(series: Series, number: int, options: ChartOptions) -> _Curve:
    raw, smooth = _prepared(series, options.smoothing, options.log_y)
    return _Curve(series, marker_of(number, options.glyphs), raw, smooth)


_PREPARED: OrderedDict[tuple[int, int, float, bool], tuple[Series, Points, Points | None]] = OrderedDict()
_PREPARED_KEPT = 64


def _prepared(series: Series, smoothing: float, log_y: bool) -> tuple[Points, Points | None]:
    """Return the raw and the smoothed points, from a cache by array: the arrays of a series never change.

    A step back or forward moves only the cursor, so most redraws need no smoothing.
    """
    key = id(series.x), id(series.y), smoothing, log_y
    known = _PREPARED.get(key)
    if known is None or known[0].x is not series.x or known[0].y is not series.y:
        raw, smooth = points(series.x, series.y, log_y), smoothed(series, smoothing, log_y)
        known = _PREPARED[key] = series, raw, smooth
        if len(_PREPARED) > _PREPARED_KEPT:
            _PREPARED.popitem(last=False)
    return known[1:]


def _entry(curve: _Curve, cursor_x: float | None) -> Entry:
    """Return the legend of a curve: its last raw value, or the one nearest to the cursor if that is on the curve."""
    value = "-"
    x_k, y_k = curve.raw.x_k, curve.raw.y_k
    if x_k.size and cursor_x is None:
        value = format_value(float(y_k[-1]))
    elif x_k.size and cursor_x is not None and x_k[0] <= cursor_x <= x_k[-1]:
        value = format_value(float(y_k[np.argmin(np.abs(x_k - cursor_x))]))
    return Entry(curve.marker, curve.series.style, curve.series.name, value)


def _mark(canvas: Canvas, extent: Extent, marker: str, style: str, share: float = 1.0) -> None:
    """Put the marker on a line at that share of its length, further left if a marker stands there, or nowhere."""
    filled = np.flatnonzero(extent.top_w <= extent.bottom_w)
    if not filled.size:
        return
    last = int(filled[round(share * (filled.size - 1))])
    for dot in range(last, max(-1, last - _MARKER_TRIES * canvas.across), -canvas.across):
        down = extent.row_at(dot)
        if down is None or not -1 < down < canvas.height:  # it may be infinite
            continue
        row = int(nearest(down))
        if 0 <= row < canvas.height and canvas.place(dot // canvas.across, row // canvas.down, marker, style):
            return
