"""Progress of a download or a conversion on stderr: one line that is drawn anew, or a line every ten seconds."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque

from cure_tui.drawing.spans import printable
from cure_tui.terminal import unfiltered
from engine.data.download import Progress

_DRAWN_EVERY, _WRITTEN_EVERY = 0.2, 10.0
_RATE_SECONDS = 8.0


class ProgressLine:
    """Callback for engine.data; `close` ends the drawn line. The rate is that of the last eight seconds."""

    def __init__(self) -> None:
        self._drawn = sys.stderr.isatty()
        self._next = time.monotonic() + (0 if self._drawn else _WRITTEN_EVERY)
        self._points: deque[tuple[float, int]] = deque()
        self._what = ""
        self._last: Progress | None = None
        self._open = False

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.note:
            self.close()
            print(f"{printable(progress.what)}: {printable(progress.note)}", file=sys.stderr, flush=True)
            self._points.clear()
            return
        if progress.what != self._what or (self._points and progress.done < self._points[-1][1]):
            self.close()
            self._what = progress.what
            self._points.clear()
        self._last = progress
        if now < self._next and progress.done != progress.total:
            return
        self._points.append((now, progress.done))
        while len(self._points) > 2 and now - self._points[0][0] > _RATE_SECONDS:
            self._points.popleft()
        self._write(progress)
        self._next = now + (_DRAWN_EVERY if self._drawn else _WRITTEN_EVERY)

    def close(self) -> None:
        """Leave the last state on the screen, as a line of its own."""
        if self._open and self._last is not None:
            self._write(self._last)
            print(file=sys.stderr, flush=True)
        self._open, self._last = False, None

    def _write(self, progress: Progress) -> None:
        text = printable(self._text(progress))
        if self._drawn:
            width = shutil.get_terminal_size().columns
            print(f"\r\x1b[K{text[: width - 1]}", end="", file=unfiltered(sys.stderr), flush=True)
            self._open = True
        else:
            print(text, file=sys.stderr, flush=True)

    def _text(self, progress: Progress) -> str:
        (begun, first), (ended, last) = (self._points[0], self._points[-1]) if self._points else ((0.0, 0), (0.0, 0))
        rate = (last - first) / (ended - begun) if ended > begun else 0.0
        if progress.unit != "B":
            return f"{progress.what}: {progress.done:,} {progress.unit}"
        text = f"{progress.what}: {progress.done / 1e6:,.1f}"
        text += (
            f" of {progress.total / 1e6:,.1f} MB ({progress.done / progress.total:.0%})" if progress.total else " MB"
        )
        if rate > 0:
            text += f", {rate / 1e6:,.1f} MB/s"
            left = round((progress.total - progress.done) / rate)
            text += f", {left // 60}:{left % 60:02} left" if left > 0 else ""
        return text
