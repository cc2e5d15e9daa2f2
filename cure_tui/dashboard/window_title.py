"""Terminal title: set it, and restore the former one afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from engine.printable import printable

# xterm's title stack: kitty, tmux, VTE and others support it, other terminals ignore it.
_PUSH, _POP = "\x1b[22;2t", "\x1b[23;2t"


def title_codes(title: str) -> str:
    """Return the escape sequence (OSC 2) that sets the title; a control character in it could end it early."""
    return f"\x1b]2;{printable(title)}\x07"


@contextmanager
def title_kept(terminal: TextIO) -> Iterator[None]:
    """Restore the title of `terminal` afterwards. Do nothing if it is not a TTY."""
    if not terminal.isatty():
        yield
        return
    terminal.write(_PUSH)
    terminal.flush()
    try:
        yield
    finally:
        terminal.write(_POP)
        terminal.flush()
