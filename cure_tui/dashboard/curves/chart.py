"""Chart as one line-API widget that draws at most four times a second, and only if something has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from rich.style import Style
from textual import events
from textual.app import App
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from cure_tui.charts import ChartOptions, Floats, GlyphSet, Series, histogram, line_chart, quantile_bands, x_at
from cure_tui.dashboard.lines import LinesView
from cure_tui.dashboard.themed_app import ThemedApp
from cure_tui.drawing.palette import to_strip
from cure_tui.drawing.spans import Row

PERIOD = 0.25
"""Least number of seconds between two pictures."""

_DEFAULT = ChartOptions()


def chart_glyphs(app: App[Any]) -> GlyphSet:
    """Return the glyphs for charts: letters cannot take the places of braille, which draws eight dots per column."""
    return GlyphSet.ASCII if isinstance(app, ThemedApp) and app.ascii_only else GlyphSet.BRAILLE


@dataclass(frozen=True, slots=True, eq=False)
class _Content:
    """Content of a chart: `draw`, with all that it depends on: `key` and `arrays`. x_at: the x at a column of it."""

    draw: Callable[[int, int, ChartOptions], list[Row]]
    options: ChartOptions
    key: Hashable
    arrays: tuple[Floats, ...]
    x_at: Callable[[int, int, ChartOptions, int], float | None] | None = None

    def same_as(self, other: _Content) -> bool:
        """Compare contents: 20 us for 10k points, against milliseconds for drawing them."""
        if (self.options, self.key) != (other.options, other.key) or len(self.arrays) != len(other.arrays):
            return False
        pairs = zip(self.arrays, other.arrays, strict=True)
        return all(mine is theirs or np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in pairs)


@dataclass(frozen=True, slots=True)
class _Picture:
    """Finished lines, with the inputs that they were drawn from."""

    content: _Content
    columns: int
    rows: int
    theme: str
    base: Style
    lines: tuple[Strip, ...]

    def serves(self, content: _Content, columns: int, rows: int, theme: str, base: Style) -> bool:
        return (self.columns, self.rows, self.theme) == (columns, rows, theme) and (
            self.content is content and self.base == base
        )


class ChartView(LinesView, can_focus=False):
    """View of the chart that it was given last, over its whole size.

    Call `show` as often as there is something new: the same picture again costs nothing, a burst is drawn once and its
    last picture is never lost, and a hidden chart draws when it appears. A change of size or theme is drawn at once.
    """

    DEFAULT_CSS = """
    ChartView { width: 1fr; height: 1fr; }
    """

    class Pointed(Message):
        """Move of the mouse to an x of the chart; None: off its plot."""

        def __init__(self, view: ChartView, x: float | None) -> None:
            super().__init__()
            self.view, self.x = view, x

        @property
        def control(self) -> ChartView:
            return self.view

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._content = _lines((), _DEFAULT)
        self._next: _Content | None = None
        self._pause: Timer | None = None
        self._shown_at = -PERIOD
        self._picture: _Picture | None = None

    @property
    def is_settled(self) -> bool:
        """True once the newest content is drawn."""
        return self._next is None

    def show(self, series: Sequence[Series], options: ChartOptions = _DEFAULT, *, at_once: bool = False) -> None:
        """Show a line chart. Do not change the arrays afterwards: they are compared, not copied.

        at_once: the user has asked for the change, and waits for it.
        """
        self._show(_lines(tuple(series), options), at_once=at_once)

    def show_bands(
        self, x: Floats, quantiles_kq: Floats, options: ChartOptions = _DEFAULT, style: str = "series0"
    ) -> None:
        """Show a distribution over x, as `quantile_bands` draws it. quantiles_kq: q quantiles at each of k x."""
        draw = partial(quantile_bands, x, quantiles_kq, style=style)
        self._show(_Content(draw, options, ("bands", style), (x, quantiles_kq)))

    def show_histogram(self, values: Floats, options: ChartOptions = _DEFAULT, style: str = "series0") -> None:
        """Show one distribution, as `histogram` draws it."""
        draw = partial(histogram, values, style=style)
        self._show(_Content(draw, options, ("histogram", style), (values,)))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        x_of = self._content.x_at
        if x_of is not None:
            columns, rows = self.size
            self.post_message(self.Pointed(self, x_of(columns, rows, self._content.options, event.x)))

    def on_leave(self) -> None:
        self.post_message(self.Pointed(self, None))

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._retheme, init=False)

    def _retheme(self) -> None:
        """Redraw in the colours of the new theme."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        columns, rows = self.size
        theme, base = self.app.theme, self.base
        picture = self._picture
        if picture is None or not picture.serves(self._content, columns, rows, theme, base):
            options = replace(self._content.options, glyphs=chart_glyphs(self.app))
            drawn = self._content.draw(columns, rows, options)
            lines = tuple(to_strip(row, columns, theme, base) for row in drawn)
            picture = self._picture = _Picture(self._content, columns, rows, theme, base, lines)
        return picture.lines[y] if y < len(picture.lines) else Strip.blank(columns, base)

    def _show(self, content: _Content, *, at_once: bool = False) -> None:
        newest = self._next or self._content
        if content.same_as(newest):
            return
        self._next = content
        if at_once and self._pause is not None:
            self._pause.stop()
        if at_once:
            self._turn_page()
            return
        if self._pause is not None:
            return
        wait = self._shown_at + PERIOD - time.monotonic()
        if wait <= 0 or not self.is_attached:
            self._turn_page()
        else:
            self._pause = self.set_timer(wait, self._turn_page)

    def _turn_page(self) -> None:
        """Draw the newest content from now on."""
        self._pause = None
        if self._next is not None:
            self._content, self._next = self._next, None
            self._shown_at = time.monotonic()
            self.refresh()


def _lines(series: tuple[Series, ...], options: ChartOptions) -> _Content:
    arrays = tuple(array for each in series for array in (each.x, each.y))
    names = tuple((each.name, each.style, each.hidden) for each in series)
    return _Content(partial(line_chart, series), options, ("lines", names), arrays, partial(x_at, series))
