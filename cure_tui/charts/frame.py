"""Frame of a plot: header, axes and labels, laid out in the space available."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cure_tui.charts.canvas import CELL, Canvas
from cure_tui.charts.legend import Entry, clean, header
from cure_tui.charts.rounding import nearest
from cure_tui.charts.scale import Scale, x_scale, y_scale
from cure_tui.charts.series import ChartOptions, GlyphSet, Points
from cure_tui.charts.ticks import Ends
from cure_tui.charts.trace import Extent, trace
from cure_tui.drawing.spans import Row, Span, fit, width

_ROWS_FOR_HEADER = 3
_ROWS_FOR_X_AXIS = 6
_ROWS_FOR_LEGEND = 9  # below, title and legend always share a line
_COLUMNS_FOR_PLOT = 8
_COLUMNS_A_TICK = 11

NO_DATA = "no data yet"


@dataclass(frozen=True, slots=True)
class Lines:
    """Characters that draw the axes and the cursor."""

    side: str
    tick: str
    corner: str
    floor: str
    floor_tick: str
    cursor: str


_DRAWN = Lines("│", "┤", "└", "─", "┬", "┆")
_TYPED = Lines("|", "-", "+", "-", "+", ":")


def lines_of(glyphs: GlyphSet) -> Lines:
    return _TYPED if glyphs is GlyphSet.ASCII else _DRAWN


@dataclass(frozen=True, slots=True)
class Frame:
    """Layout of a chart without its plot. `gutter`: columns left of the plot for y labels and axis, 0 without space."""

    columns: int
    rows: int
    above: tuple[Row, ...]
    gutter: int
    has_x_axis: bool
    x: Scale
    y: Scale
    options: ChartOptions

    @property
    def plot_columns(self) -> int:
        return self.columns - self.gutter

    @property
    def plot_rows(self) -> int:
        return self.rows - len(self.above) - (2 if self.has_x_axis else 0)

    def canvas(self) -> Canvas:
        """Return an empty canvas of the plot's size."""
        return Canvas(self.plot_columns, self.plot_rows, self.options.glyphs)

    def around(self, plot: Sequence[Row]) -> list[Row]:
        """Return the whole chart, `rows` rows of `columns`, around the rows of the plot."""
        if self.gutter:
            plot = [(*side, *row) for side, row in zip(self._left_side(), plot, strict=True)]
        below = self._below() if self.has_x_axis else ()
        return [*self.above, *plot, *below]

    def _left_side(self) -> list[Row]:
        lines, down = lines_of(self.options.glyphs), CELL[self.options.glyphs][1]
        height = self.plot_rows * down
        labels: dict[int, str] = {}
        for dot, label in reversed(self.y.labelled(height, downwards=True)):
            labels.setdefault(dot // down, label)
        edges = [(labels.get(row, ""), lines.tick if row in labels else lines.side) for row in range(self.plot_rows)]
        return [(Span(f"{label:>{self.gutter - 1}}{edge}", "axis"),) for label, edge in edges]

    def _below(self) -> tuple[Row, Row]:
        """Return the x axis and its labels; the axis' name stands left of them if it fits, else at the right end."""
        lines, across = lines_of(self.options.glyphs), CELL[self.options.glyphs][0]
        name = clean(self.options.x_label, self.options.glyphs)
        floor = [lines.floor] * self.plot_columns
        text = [" "] * self.columns
        start, end = 0, self.columns
        if name and len(name) < self.gutter:
            text[: len(name)] = name
            start = len(name) + 1
        elif name and len(name) <= self.columns // 3:
            end = self.columns - len(name) - 1
            text[end + 1 :] = name
        *others, last = self.x.labelled(self.plot_columns * across) or [(0, "")]
        # The last label is placed first: it says how far the data go, even where the axis' name stands beneath it.
        for dot, label in (last, *others):
            at = dot // across
            first = max(start, min(self.gutter + at - len(label) // 2, end - len(label)))
            aside = abs(first + len(label) // 2 - self.gutter - at)
            if not label or first + len(label) > end or aside > len(label) + len(name) * (dot == last[0]):
                continue
            floor[at] = lines.floor_tick
            text[first : first + len(label)] = label
            if dot == last[0]:
                end = first - 1
            else:
                start = first + len(label) + 1
        edge = f"{lines.corner:>{self.gutter}}" if self.gutter else ""
        axis = (Span(edge + "".join(floor), "axis"),)
        return axis, (Span("".join(text), "axis"),)


def lay_out(
    x: Ends, y: Ends, columns: int, rows: int, options: ChartOptions, entries: Sequence[Entry],
    x_whole: bool = False, y_least: float = 0.0,
) -> Frame:  # fmt: skip
    """Return the frame for data that spans x and y; columns and rows are at least 1.

    In little space the second header line is dropped first, then the x axis, then the header. The y axis is dropped if
    it would take more than half of the columns.
    """
    lines = 0 if rows < _ROWS_FOR_HEADER else 1 if rows < _ROWS_FOR_LEGEND else 2
    above = header(options.title, entries if options.legend else (), columns, lines, options.glyphs)
    has_x_axis = rows >= _ROWS_FOR_X_AXIS
    plot_rows = rows - len(above) - (2 if has_x_axis else 0)
    y_axis = y_scale(y, options, min(plot_rows - 1, 2 + plot_rows // 4), y_least)
    gutter = max(map(len, y_axis.labels), default=0) + 1
    if columns - gutter < max(_COLUMNS_FOR_PLOT, gutter):
        gutter = 0
    x_axis = x_scale(x, (columns - gutter) // _COLUMNS_A_TICK, x_whole)
    return Frame(columns, rows, above, gutter, has_x_axis, x_axis, y_axis, options)


def extent_of(line: Points, frame: Frame, canvas: Canvas) -> Extent:
    """Return the dots of the canvas that a line covers."""
    down = canvas.height - 1 - frame.y.dots(line.y_k, canvas.height)
    return trace(frame.x.dots(line.x_k, canvas.width), down, line.joined_k, canvas.width)


def draw_cursor(canvas: Canvas, frame: Frame) -> None:
    """Draw the vertical line at `cursor_x`, if that is on the chart."""
    at = frame.options.cursor_x
    if at is not None and frame.x.low <= at <= frame.x.high:
        dot = int(nearest(frame.x.dots(np.array([at]), canvas.width))[0])
        canvas.draw_vertical(dot // canvas.across, lines_of(frame.options.glyphs).cursor, "accent")


def empty(columns: int, rows: int, options: ChartOptions) -> list[Row]:
    """Return a chart without data: its title and a note in the middle, no axes."""
    above = header(options.title, (), columns, 1 if rows >= _ROWS_FOR_HEADER else 0, options.glyphs)
    body: list[Row] = [fit((), columns) for _ in range(rows - len(above))]
    word = fit((Span(NO_DATA, "muted"),), min(columns, len(NO_DATA)))
    middle = (len(body) - 1) // 2
    body[middle] = fit((Span(" " * ((columns - width(word)) // 2)), *word), columns)
    return [*above, *body]
