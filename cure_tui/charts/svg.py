"""Line chart as SVG for papers and web pages, in colours for print and for colour-blind readers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from xml.sax.saxutils import escape

import numpy as np

from cure_tui.charts.scale import Scale, are_whole, span_of, x_scale, y_scale
from cure_tui.charts.series import ChartOptions, Floats, Points, Series, points
from cure_tui.charts.smoothing import smoothed
from cure_tui.charts.ticks import format_value
from cure_tui.drawing.smoothing import smoothing_text
from cure_tui.drawing.spans import printable

# Palette of Okabe and Ito, darker colours first, without yellow, which is hard to see on white.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_BY_STYLE = {"coder": _COLOURS[0], "tester": _COLOURS[1], "good": _COLOURS[2], "bad": _COLOURS[1]}
_INK, _MUTED, _GRID = "#222222", "#666666", "#e6e6e6"
_FONT = "font-family='-apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
_LETTER = 6.6  # width of an average letter at 12 px
_LEAST_WIDTH, _LEAST_HEIGHT = 160, 100
_DENSE = 4  # points per pixel column, beyond which only its extremes are written

_DEFAULT = ChartOptions()


def to_svg(series: Sequence[Series], width: int, height: int, options: ChartOptions = _DEFAULT) -> str:
    """Return the chart of `line_chart` as an SVG document of width x height pixels, at least 160 x 100.

    Where points are denser than pixels the extremes of each pixel column are kept. Glyphs and cursor do not apply.
    """
    width, height = max(width, _LEAST_WIDTH), max(height, _LEAST_HEIGHT)
    parts = [
        "<?xml version='1.0' encoding='UTF-8'?>",
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}' {_FONT} font-size='12'>",
        f"<title>{_escaped(options.title or 'chart')}</title>",
        f"<rect width='{width}' height='{height}' fill='white'/>",
    ]
    top = 14.0
    note = smoothing_text(options.smoothing) if options.smoothing > 0 else ""
    title = ", ".join(part for part in (options.title, note) if part)
    if title:
        parts.append(_text(16, top + 10, title, _INK, "start", "font-size='15' font-weight='600'"))
        top += 24
    raw = [points(each.x, each.y, options.log_y).within(options.x_range) for each in series]
    x_ends, y_ends = span_of(each.x_k for each in raw), span_of(each.y_k for each in raw)
    if x_ends is None or y_ends is None:
        parts.append(_text(width / 2, height / 2, "no data", _MUTED, "middle"))
        return "\n".join([*parts, "</svg>", ""])
    smooth = [
        line and line.within(options.x_range)
        for line in (smoothed(each, options.smoothing, options.log_y) for each in series)
    ]
    lines = [line or beneath for line, beneath in zip(smooth, raw, strict=True)]
    if options.legend:
        legend, top = _legend(series, raw, width, top)
        parts += legend
    bottom = height - (44.0 if options.x_label else 28.0)
    y = y_scale(y_ends, options, max(1, int((bottom - top) // 45)))
    left = 16 + 8 + _LETTER * max(map(len, y.labels))
    right = width - 20.0
    x = x_scale(x_ends, max(1, int((right - left) // 80)), are_whole(each.x_k for each in raw))
    parts += _axes(x, y, left, right, top, bottom)
    if options.x_label:
        parts.append(_text((left + right) / 2, height - 10, options.x_label, _MUTED, "middle"))
    parts.append(
        f"<clipPath id='plot'><rect x='{left:.2f}' y='{top - 2:.2f}' width='{right - left:.2f}' "
        f"height='{bottom - top + 4:.2f}'/></clipPath><g clip-path='url(#plot)' fill='none' stroke-linejoin='round'>"
    )
    box = left, right, top, bottom
    for each, line, over in zip(series, raw, smooth, strict=True):
        if over:
            parts += _polylines(line, x, y, box, f"stroke='{_colour(each)}' stroke-width='1' stroke-opacity='0.28'")
    for each, line in zip(series, lines, strict=True):
        parts += _polylines(line, x, y, box, f"stroke='{_colour(each)}' stroke-width='1.8'")
    parts.append("</g>")
    for number, (each, line) in enumerate(zip(series, lines, strict=True)):
        across, down = _placed(line, x, y, box)
        if across.size and top - 1 <= down[-1] <= bottom + 1 and (len(series) > 1 or across.size == 1):
            parts.append(_marker(number, float(across[-1]), float(down[-1]), _colour(each)))
    return "\n".join([*parts, "</svg>", ""])


def _axes(x: Scale, y: Scale, left: float, right: float, top: float, bottom: float) -> list[str]:
    parts = []
    for at, label in zip(y.fractions(np.array(y.ticks)).tolist(), y.labels, strict=True):
        down = bottom - at * (bottom - top)
        parts.append(_stroke(left, down, right, down, _GRID))
        parts.append(_text(left - 8, down + 4, label, _MUTED, "end"))
    for at, label in zip(x.fractions(np.array(x.ticks)).tolist(), x.labels, strict=True):
        across = left + at * (right - left)
        parts.append(_stroke(across, bottom, across, bottom + 4, _MUTED))
        parts.append(_text(across, bottom + 18, label, _MUTED, "middle"))
    return [*parts, _stroke(left, bottom, right, bottom, _MUTED), _stroke(left, top, left, bottom, _MUTED)]


def _legend(series: Sequence[Series], raw: Sequence[Points], width: float, top: float) -> tuple[list[str], float]:
    """Return marker, name and last raw value of each series, on as many lines as needed; and the y below them."""
    parts: list[str] = []
    left, down = 16.0, top + 8
    for number, (each, line) in enumerate(zip(series, raw, strict=True)):
        value = format_value(float(line.y_k[-1])) if line.y_k.size else "-"
        long = 18 + _LETTER * (len(each.name) + 1 + len(value)) + 18
        if left > 16 and left + long > width:
            left, down = 16.0, down + 18
        parts.append(_marker(number, left + 5, down - 4, _colour(each)))
        name = f"{_escaped(each.name)} <tspan fill='{_MUTED}'>{_escaped(value)}</tspan>"
        parts.append(f"<text x='{left + 15:.2f}' y='{down:.2f}' fill='{_INK}'>{name}</text>")
        left += long
    return parts, down + 16 if series else top


def _placed(line: Points, x: Scale, y: Scale, box: tuple[float, float, float, float]) -> tuple[Floats, Floats]:
    """Return pixels across and down; points far outside a fixed y_range are clipped, as viewers reject huge numbers."""
    left, right, top, bottom = box
    down = bottom - y.fractions(line.y_k) * (bottom - top)
    return left + x.fractions(line.x_k) * (right - left), np.clip(down, -1e6, 1e6)


def _polylines(
    line: Points, x: Scale, y: Scale, box: tuple[float, float, float, float], stroke: str
) -> list[str]:  # fmt: skip
    """Return one polyline per stretch without a gap; a single point becomes a dot."""
    across, down = _placed(line, x, y, box)
    parts = []
    cuts = [*np.flatnonzero(~line.joined_k).tolist(), len(across)]
    for first, last in pairwise(cuts):
        xs, ys = _thinned(across[first:last], down[first:last])
        if len(xs) == 1:  # a line of zero length, which round caps draw as a dot
            xs, ys = np.repeat(xs, 2), np.repeat(ys, 2)
        pixels = " ".join(f"{a:.2f},{b:.2f}" for a, b in zip(xs.tolist(), ys.tolist(), strict=True))
        parts.append(f"<polyline {stroke} stroke-linecap='round' points='{pixels}'/>")
    return parts


def _thinned(across: Floats, down: Floats) -> tuple[Floats, Floats]:
    """Keep the first, lowest, highest and last point of every pixel column, if the columns hold many points."""
    column = np.floor(across)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    if len(across) <= _DENSE * len(starts):
        return across, down
    ends = np.append(starts[1:], len(across)) - 1
    lowest, highest = np.minimum.reduceat(down, starts), np.maximum.reduceat(down, starts)
    return np.repeat(column[starts] + 0.5, 4), np.stack([down[starts], lowest, highest, down[ends]], axis=1).ravel()


def _marker(number: int, x: float, y: float, colour: str) -> str:
    """Return a marker in the shapes of the terminal's: circle, triangle, square, diamond; then hollow."""
    fill = colour if number % 8 < 4 else "white"
    paint = f"fill='{fill}' stroke='{colour}' stroke-width='1.5'"
    shapes = (
        f"<circle cx='{x:.2f}' cy='{y:.2f}' r='4' {paint}/>",
        f"<path d='M{x:.2f} {y - 4.5:.2f}l4.5 8h-9z' {paint}/>",
        f"<path d='M{x - 3.6:.2f} {y - 3.6:.2f}h7.2v7.2h-7.2z' {paint}/>",
        f"<path d='M{x:.2f} {y - 5:.2f}l5 5l-5 5l-5 -5z' {paint}/>",
    )
    return shapes[number % 4]


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f"<line x1='{x1:.2f}' y1='{y1:.2f}' x2='{x2:.2f}' y2='{y2:.2f}' stroke='{colour}'/>"


def _text(x: float, y: float, text: str, colour: str, anchor: str, more: str = "") -> str:
    return f"<text x='{x:.2f}' y='{y:.2f}' fill='{colour}' text-anchor='{anchor}' {more}>{_escaped(text)}</text>"


def _colour(series: Series) -> str:
    number = series.style.removeprefix("series")
    return _COLOURS[int(number) % len(_COLOURS)] if number.isdecimal() else _BY_STYLE.get(series.style, _MUTED)


def _escaped(text: str) -> str:
    """Escape for XML; characters that XML does not allow become "·"."""
    return escape(printable(text))
