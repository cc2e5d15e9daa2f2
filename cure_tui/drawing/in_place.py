"""Picture in place: rows on a terminal that are drawn again and again, and erased without a trace.

Between frames the cursor rests on the picture's first cell. A terminal keeps the cursor with its text when it is
resized, whether it wraps the lines anew or cuts them: all that stands from the cursor on is the picture's, and no
height has to be remembered that may have changed since. Automatic wrapping is off while a frame is written, so a row
that is too wide for a window just made smaller is cut, and takes one line.
"""

from __future__ import annotations

import os
import termios
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, TextIO

_WRAP_OFF, _WRAP_ON, _ERASE_LINE, _ERASE_BELOW = "\x1b[?7l", "\x1b[?7h", "\x1b[K", "\x1b[J"


class InPlace:
    """Picture on the terminal of `stream`, for one thread. It draws nothing while the process is in the background.

    While there is a picture, typed characters are not echoed: an echoed newline would move the cursor off the picture.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.fileno()
        self._drawn = False
        self._settings: list[Any] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Return the columns and rows that a picture may take: the terminal's without the last column."""
        with suppress(OSError):
            columns, rows = os.get_terminal_size(self._terminal)
            return max(columns - 1, 1), max(rows, 1)
        return 79, 24

    def draw(self, rows: Sequence[str]) -> None:
        """Draw the rows, at least one, in place of those before. They may be coloured, but hold no controls."""
        if not self._in_foreground():
            return
        self._echo(False)
        lines = f"{_ERASE_LINE}\r\n".join(rows)
        up = f"\x1b[{len(rows) - 1}A" if len(rows) > 1 else ""
        self._write(f"\r{_WRAP_OFF}{lines}{_ERASE_BELOW}{up}\r{_WRAP_ON}")
        self._drawn = True

    def erase(self) -> None:
        """Erase the picture; what is printed next takes its place."""
        if self._drawn and self._in_foreground():
            self._write(f"\r{_ERASE_BELOW}")
        self._drawn = False
        self._echo(True)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _in_foreground(self) -> bool:
        """Return whether the terminal is this process's to write on; a shell keeps it from a job in the background."""
        with suppress(OSError):
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        return False  # not the controlling terminal

    def _echo(self, on: bool) -> None:
        """Switch the echo of typed characters off, or back to what it was."""
        with suppress(OSError, termios.error):
            if on and self._settings is not None and self._in_foreground():
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._settings)
            elif not on and self._settings is None:
                self._settings = termios.tcgetattr(self._terminal)
                quiet = list(self._settings)
                quiet[3] &= ~termios.ECHO
                termios.tcsetattr(self._terminal, termios.TCSANOW, quiet)
        if on:
            self._settings = None
