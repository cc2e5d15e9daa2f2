"""Line chart: several series over one x, smoothed on request, with the raw points beneath."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cure_tui.charts.canvas import Brush, Canvas, Fill
from cure_tui.charts.frame import Frame, draw_cursor, empty, extent_of, lay_out
from cure_tui.charts.legend import BEST, BEST_LETTER, Entry, marker_of
from cure_tui.charts.reading import best_of, value_at
from cure_tui.charts.rounding import nearest
from cure_tui.charts.scale import are_whole, span_of
from cure_tui.charts.series import ChartOptions, GlyphSet, Points, Series, band_of, points
from cure_tui.charts.smoothing import smoothed
from cure_tui.charts.ticks import format_value
from cure_tui.charts.trace import Extent
from cure_tui.drawing.spans import Row

_DEFAULT = ChartOptions()
_RAW_LETTER = "."
_MARKER_TRIES = 8  # cells to step left if the cell has another series' marker


@dataclass(frozen=True, slots=True)
class _Curve:
    """A series as drawn. The legend reads the raw points; `smooth`, unless None, is drawn over `raw`.

    all_raw: the raw points outside of the range shown as well; a legend without a cursor reads the newest of them.
    """

    series: Series
    marker: str
    raw: Points
    smooth: Points | None
    all_raw: Points

    @property
    def line(self) -> Points:
        return self.smooth or self.raw


def line_chart(series: Sequence[Series], columns: int, rows: int, options: ChartOptions = _DEFAULT) -> list[Row]:
    """Draw the series as `rows` rows of text, each `columns` wide. Never raises: undrawable points are left out."""
    if columns < 1 or rows < 1:
        return [() for _ in range(rows)]
    curves = _curves(series, options)
    frame = _frame(curves, columns, rows, options)
    if frame is None:
        return empty(columns, rows, options)
    canvas = frame.canvas()
    for curve in curves:
        if curve.smooth:
            brush = Brush(band_of(curve.series.style), _RAW_LETTER, Fill.RAW)
            canvas.paint(extent_of(curve.raw, frame, canvas), brush)
    extents = [extent_of(curve.line, frame, canvas) for curve in curves]
    for curve, extent in zip(curves, extents, strict=True):
        canvas.paint(extent, Brush(curve.series.style, curve.marker))
    for curve in curves:
        _mark_best(canvas, frame, curve)
    for curve, extent in zip(curves, extents, strict=True):
        if len(curves) > 1 or curve.line.x_k.size == 1:  # a single dot is easily missed
            _mark(canvas, extent, curve.marker, curve.series.style)
    for number, (curve, extent) in enumerate(zip(curves, extents, strict=True)):
        for share in range(1, options.marks):
            at = (share - number / len(curves)) / options.marks  # no two lines have markers in the same column
            _mark(canvas, extent, curve.marker, curve.series.style, at)
    draw_cursor(canvas, frame)
    return frame.around(canvas.read())


def x_at(series: Sequence[Series], columns: int, rows: int, options: ChartOptions, column: int) -> float | None:
    """Return the x drawn at a column of `line_chart`'s picture; None left of the plot, or without data."""
    frame = _frame(_curves(series, options), columns, rows, options)
    if frame is None or not frame.gutter <= column < columns:
        return None
    share = (column - frame.gutter) / max(1, frame.plot_columns - 1)
    return frame.x.low + share * (frame.x.high - frame.x.low)


def _curves(series: Sequence[Series], options: ChartOptions) -> list[_Curve]:
    return [_curve(each, number, options) for number, each in enumerate(series) if not each.hidden]


def _curve(series: Series, number: int, options: ChartOptions) -> _Curve:
    raw, smooth = _prepared(series, options.smoothing, options.log_y)
    within = options.x_range
    return _Curve(series, marker_of(number, options.glyphs), raw.within(within), smooth and smooth.within(within), raw)


def _frame(curves: Sequence[_Curve], columns: int, rows: int, options: ChartOptions) -> Frame | None:
    """Return the frame around the curves, None without data."""
    x, y = span_of(curve.raw.x_k for curve in curves), span_of(curve.raw.y_k for curve in curves)
    if x is None or y is None:
        return None
    entries = [_entry(curve, options.cursor_x) for curve in curves]
    if len(entries) == 1 and entries[0].name == options.title:
        entries = [Entry("", entries[0].style, "", entries[0].value)]  # the title already says it
    if options.cursor_x is not None and x[0] <= options.cursor_x <= x[1]:
        entries = [Entry("", "accent", options.x_label or "x", format_value(options.cursor_x)), *entries]
    return lay_out(x, y, columns, rows, options, entries, are_whole(curve.raw.x_k for curve in curves))


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
    """Return the legend of a curve: its last raw value, or the one at the cursor if that is on the curve."""
    read = value_at(curve.series, curve.all_raw, cursor_x)
    value = "-" if read is None else format_value(read.y)
    return Entry(curve.marker, curve.series.style, curve.series.name, value)


def _mark_best(canvas: Canvas, frame: Frame, curve: _Curve) -> None:
    """Put a star on the best raw point, if it lies in the range shown and on the plot."""
    best = best_of(curve.series, curve.all_raw)
    if best is None or curve.all_raw.x_k.size < 2 or not frame.x.low <= best.x <= frame.x.high:
        return
    across = int(nearest(frame.x.dots(np.array([best.x]), canvas.width))[0])
    down = float(canvas.height - 1 - frame.y.dots(np.array([best.y]), canvas.height)[0])
    if -0.5 <= down <= canvas.height - 0.5:
        row = int(nearest(down)) // canvas.down
        star = BEST_LETTER if canvas.glyphs is GlyphSet.ASCII else BEST
        canvas.place(across // canvas.across, min(row, canvas.rows - 1), star, curve.series.style)


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
