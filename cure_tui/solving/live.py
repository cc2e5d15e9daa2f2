"""Inline view of solving: drawn in place on stderr, erased before the program is printed."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.style import Style

from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.palette import DEFAULT_THEME, styles_of
from cure_tui.solving.picture import solve_rows
from cure_tui.terminal import draws_unicode
from engine.solve.events import SolveState

_FRAMES_A_SECOND = 8.0


class LiveView:
    """Context of the inline view; `show` may be called for every event. It draws nothing if stderr is not a TTY."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._draws = sys.stderr.isatty() and self._console.is_terminal and not self._console.is_dumb_terminal
        self._live: Live | None = None

    def __enter__(self) -> LiveView:
        self._begin(SolveState())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Erase the view, so that lines can be printed that stay; the next problem begins a new view."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, state: SolveState) -> None:
        """Show `state`. Every frame reads it again, so the caller need not report single changes."""
        if state is not self._state:
            self.clear()
            self._begin(state)

    def _begin(self, state: SolveState) -> None:
        self._state = state
        self._started = time.monotonic()
        if self._draws:
            # A restarted Live would move up by the height of its last frame, over lines printed since: take a new one.
            self._live = Live(
                self, console=self._console, refresh_per_second=_FRAMES_A_SECOND, transient=True, redirect_stdout=False
            )  # fmt: skip
            self._live.start()

    def __rich_console__(self, console: Console, options: object) -> RenderResult:
        styles, unicode = styles_of(DEFAULT_THEME), draws_unicode()
        seconds = time.monotonic() - self._started
        # The terminal echoes Ctrl-C as "^C" after the last row: if that wrapped, Live would leave one row unerased.
        columns = console.width - len("^C") - 1
        for row in solve_rows(self._state, seconds, columns):
            for span in row:
                yield Segment(span.text if unicode else to_ascii(span.text), styles.get(span.style, Style()))
            yield Segment.line()
