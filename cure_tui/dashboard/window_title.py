"""Terminal title: set it, and restore the former one afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

# xterm's title stack: kitty, tmux, VTE and others support it, other terminals ignore it.
_PUSH, _POP = "\x1b[22;2t", "\x1b[23;2t"


def title_codes(title: str) -> str:
    """Return the escape sequence (OSC 2) that sets the title, without control characters, which could end it early."""
    shown = "".join(character for character in title if character.isprintable())
    return f"\x1b]2;{shown}\x07"


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
