"""Inline view of solving: drawn in place on stderr, erased before anything is printed that stays."""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType, TracebackType

from rich.console import COLOR_SYSTEMS, Console
from rich.segment import Segment
from rich.style import Style

from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.in_place import InPlace
from cure_tui.drawing.palette import DEFAULT_THEME, styles_of
from cure_tui.drawing.spans import Row
from cure_tui.solving.picture import MAX_ROWS, solve_rows
from cure_tui.terminal import draws_unicode, unfiltered
from engine.printable import printable
from engine.solve.events import SolveState

FRAME_SECONDS = 1 / 8
_LEAST_ROWS = 3


class LiveView:
    """Context of the inline view, for one thread: nothing is drawn but in `show`. It draws nothing without a terminal.

    The picture takes a third of the screen at most, so that few of the user's own lines scroll out of sight.
    """

    def __init__(self, *, one_line: bool = False) -> None:
        self._one_line = one_line
        stream = unfiltered(sys.stderr)
        self._console = Console(file=stream)
        draws = sys.stderr.isatty() and self._console.is_terminal and not self._console.is_dumb_terminal
        self._picture = InPlace(stream) if draws else None
        self._unicode = draws_unicode()
        self._state: SolveState | None = None
        self._started = self._last_frame = 0.0
        self._before = signal.getsignal(signal.SIGTSTP)

    def __enter__(self) -> LiveView:
        if self._picture is not None:
            signal.signal(signal.SIGTSTP, self._suspend)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
        signal.signal(signal.SIGTSTP, self._before)

    def end(self, state: SolveState) -> None:
        """Draw the last state of a problem, whatever the time, and erase it."""
        self._last_frame = 0.0
        self.show(state)
        self.clear()

    def clear(self) -> None:
        """Erase the view, so that lines can be printed that stay; the next frame begins beneath them."""
        if self._picture is not None:
            self._picture.erase()
        self._last_frame = 0.0

    def show(self, state: SolveState, *, finishing: bool = False) -> None:
        """Draw `state` unless the last frame is too recent. Call it after every batch of events."""
        now = time.monotonic()
        if state is not self._state:
            self._state, self._started = state, now
        if self._picture is None or now - self._last_frame < FRAME_SECONDS:
            return
        self._last_frame = now
        columns, height = self._picture.size
        rows = 1 if self._one_line else max(min(MAX_ROWS, height // 3), min(_LEAST_ROWS, height))
        drawn = solve_rows(state, now - self._started, columns, rows, finishing=finishing)
        self._picture.draw([self._text(row, columns) for row in drawn])

    def _text(self, row: Row, columns: int) -> str:
        styles, console = styles_of(DEFAULT_THEME), self._console
        segments = [
            Segment(text if self._unicode else to_ascii(text), styles.get(style, Style()))
            for text, style in ((printable(span.text), span.style) for span in row)
        ]
        cut = Segment.adjust_line_length(segments, columns, pad=False)
        colours = COLOR_SYSTEMS[console.color_system] if console.color_system and not console.no_color else None
        return "".join((segment.style or Style()).render(segment.text, color_system=colours) for segment in cut)

    def _suspend(self, number: int, frame: FrameType | None) -> None:
        """Erase the view before Ctrl-Z stops the process; the next frame after `fg` draws it anew."""
        self.clear()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._suspend)
