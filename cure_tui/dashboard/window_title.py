"""Sets the terminal's title, and gives it its own title back afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

# xterm's stack of titles; kitty, tmux, VTE and others know it, and those who do not ignore it.
_PUSH, _POP = "\x1b[22;2t", "\x1b[23;2t"


def title_codes(title: str) -> str:
    """The bytes that make `title` the window's; what would end them early or do more is left out."""
    shown = "".join(character for character in title if character.isprintable())
    return f"\x1b]2;{shown}\x07"


@contextmanager
def title_kept(terminal: TextIO) -> Iterator[None]:
    """The title of `terminal` is afterwards what it was. Does nothing to what is no terminal."""
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
