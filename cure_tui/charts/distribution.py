"""Charts of distributions: quantiles over the steps, and the histogram of one step."""

from __future__ import annotations

import numpy as np

from cure_tui.charts.canvas import Brush, Fill
from cure_tui.charts.frame import draw_cursor, empty, extent_of, lay_out
from cure_tui.charts.legend import Entry
from cure_tui.charts.rounding import nearest
from cure_tui.charts.scale import are_whole, span_of, widened
from cure_tui.charts.series import HUGE, TINY, ChartOptions, Floats, GlyphSet, Points, band_of
from cure_tui.charts.ticks import format_value
from cure_tui.charts.trace import between
from cure_tui.drawing.spans import Row, Span

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Quantiles in the columns of `quantiles_kq`: `np.quantile(lengths, QUANTILES)` is one row."""

_DEFAULT = ChartOptions()
# Legend markers of the median, the inner and the outer band: each is a cell of its own pattern.
_SWATCHES = {
    GlyphSet.BRAILLE: ("⠒", "⢕", "⠡"),
    GlyphSet.BLOCK: ("▀", "▚", "▘"),
    GlyphSet.ASCII: ("*", ":", "."),
}
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_TYPED_BAR = "#"


def quantile_bands(
    x: Floats,
    quantiles_kq: Floats,
    columns: int,
    rows: int,
    options: ChartOptions = _DEFAULT,
    style: str = "series0",
) -> list[Row]:
    """Draw a distribution over ascending x [k]: median as a line, q25 to q75 in dense dots, q10 to q90 in sparse ones.

    quantiles_kq [k, 5] as in `QUANTILES`; a row with NaN is a gap. The legend reads the last row, or the one nearest
    to the cursor. Smoothing is not applied. Raises ValueError if the shapes differ.
    """
    x, quantiles_kq = np.asarray(x, dtype=np.float64), np.asarray(quantiles_kq, dtype=np.float64)
    if x.ndim != 1 or quantiles_kq.shape != (len(x), len(QUANTILES)):
        raise ValueError(f"quantiles {quantiles_kq.shape} must be [{x.size}, {len(QUANTILES)}], a row for each x")
    if columns < 1 or rows < 1:
        return [() for _ in range(rows)]
    fit_kq = (np.abs(quantiles_kq) < HUGE) & ((quantiles_kq > TINY) | (not options.log_y))
    kept = np.flatnonzero(fit_kq.all(axis=1) & (np.abs(x) < HUGE))
    x_k, joined_k = x[kept], np.diff(kept, prepend=-2) == 1
    x_ends, y_ends = span_of([x_k]), span_of([quantiles_kq[kept]])
    if x_ends is None or y_ends is None:
        return empty(columns, rows, options)

    band, swatches = band_of(style), _SWATCHES[options.glyphs]
    at = int(np.argmin(np.abs(x_k - options.cursor_x))) if options.cursor_x is not None else -1
    q10, q25, q50, q75, q90 = (format_value(float(value)) for value in quantiles_kq[kept[at]])
    entries = [
        Entry(swatches[0], style, "median", q50),
        Entry(swatches[1], band, "q25-q75", f"{q25}-{q75}"),
        Entry(swatches[2], band, "q10-q90", f"{q10}-{q90}"),
    ]
    frame = lay_out(x_ends, y_ends, columns, rows, options, entries, are_whole([x_k]))
    canvas = frame.canvas()
    lines = [Points(x_k, quantiles_kq[kept, number], joined_k) for number in range(len(QUANTILES))]
    at_q10, at_q25, at_q50, at_q75, at_q90 = (extent_of(line, frame, canvas) for line in lines)
    outer, inner = Brush(band, swatches[2], Fill.QUARTER), Brush(band, swatches[1], Fill.HALF)
    # The outer band is painted as two, or its sparse dots would fill the gaps of the inner band.
    canvas.paint(between(at_q90, at_q75), outer)
    canvas.paint(between(at_q25, at_q10), outer)
    canvas.paint(between(at_q75, at_q25), inner)
    canvas.paint(at_q50, Brush(style, swatches[0]))
    draw_cursor(canvas, frame)
    return frame.around(canvas.read())


def histogram(
    values: Floats, columns: int, rows: int, options: ChartOptions = _DEFAULT, style: str = "series0"
) -> list[Row]:
    """Draw a histogram of the finite values; `options.log_y` puts the counts on a logarithmic axis.

    The number of bins follows Rice's rule, 2 n^(1/3), as far as they fit; all have the same width. If the values are
    whole numbers, every bin covers equally many of them: otherwise gaps would appear that are not in the data.
    """
    if columns < 1 or rows < 1:
        return [() for _ in range(rows)]
    values = np.asarray(values, dtype=np.float64).ravel()
    values = values[np.abs(values) < HUGE]
    data = span_of([values])
    if data is None:
        return empty(columns, rows, options)
    entries = [
        Entry("", style, "n", str(values.size)),
        Entry("", style, "median", format_value(float(np.median(values)))),
        Entry("", style, "max", format_value(data[1])),
    ]
    most = max(1, min(columns // 2, round(2 * values.size ** (1 / 3))))
    whole = are_whole([values]) and max(-data[0], data[1]) < 2**50
    if whole:
        width = -(-(data[1] - data[0] + 1) // most)
        bins = int(-(-(data[1] - data[0] + 1) // width))
        low, high = data[0] - 0.5, data[0] - 0.5 + bins * width
    else:
        low, high = widened(data, log=False)
        bins = most if (low, high) == data else 1
    counts, _ = np.histogram(values, bins=bins, range=(low, high))
    bottom = 0.5 if options.log_y else 0.0  # on a logarithmic axis a count of 1 must rise above the floor
    counts_span = (bottom, float(counts.max()))
    frame = lay_out((low, high), counts_span, columns, rows, options, entries, whole, y_least=1.0)
    share = np.zeros(bins)
    share[counts > 0] = frame.y.fractions(counts[counts > 0].astype(np.float64))
    # Each column of the plot shows the bin at its x, so bars differ by one column at most and the x axis stays exact.
    bin_of_column = np.arange(frame.plot_columns) * bins // frame.plot_columns
    return frame.around(_bars(share[bin_of_column], frame.plot_rows, style, options.glyphs))


def _bars(share_c: Floats, rows: int, style: str, glyphs: GlyphSet) -> list[Row]:
    """Draw one bar per column, 0 to 1 of the height, in eighth blocks even with the braille glyph set."""
    levels = 1 if glyphs is GlyphSet.ASCII else len(_EIGHTHS) - 1
    signs = " " + _TYPED_BAR if glyphs is GlyphSet.ASCII else _EIGHTHS
    filled = nearest(np.clip(share_c, 0, 1) * rows * levels)
    filled = np.where(share_c > 0, np.maximum(filled, 1), 0)  # a bin with any value is visible
    below = np.arange(rows - 1, -1, -1)[:, None] * levels
    parts = np.clip(filled[None, :] - below, 0, levels).astype(int)
    return [(Span("".join(signs[part] for part in row), style),) for row in parts.tolist()]
