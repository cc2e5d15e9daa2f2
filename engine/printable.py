"""Foreign text made safe to print: no character is left that a terminal obeys, or that hides what the text says.

Runs, data sets, presets, problems, servers and models hold text of other people. It is kept as it is, and made
printable where it leaves this program: on standard streams, screens, titles, in pictures and tables.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from io import TextIOWrapper
from typing import BinaryIO

STAND_IN = "·"
_PIECE = 1 << 16


def printable(text: str, *, keep: str = "", shown: Callable[[str], str] = lambda character: STAND_IN) -> str:
    """Replace what is not printed as itself by what `shown` gives for it, "·" by default; leave those in `keep`.

    Replaced are C0 and C1 controls (ESC, BEL, CSI, \\r, \\n), DEL, line separators, bidirectional and zero-width
    controls, lone surrogates, private and unassigned code points. Blanks of every width stay.
    """
    if text.isprintable():
        return text
    if len(text) > _PIECE:  # a join of single characters holds 8 bytes for each
        pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
        return "".join(printable(piece, keep=keep, shown=shown) for piece in pieces)
    return "".join(
        character if character.isprintable() or character in keep or unicodedata.category(character) == "Zs"
        else shown(character)
        for character in text
    )  # fmt: skip


class PrintableStream(TextIOWrapper):
    """Stream that prints no control character but newline and tab. `unfiltered` is the stream that it stands for.

    It has no `buffer`: a library that finds one may write past the filter, as click does if the encoding is ASCII.
    """

    def __init__(self, unfiltered: TextIOWrapper) -> None:
        unfiltered.reconfigure(write_through=True)  # both write into one buffer, in the order of the calls
        super().__init__(
            unfiltered.buffer,
            unfiltered.encoding,
            unfiltered.errors,
            line_buffering=unfiltered.line_buffering,
            write_through=True,
        )
        self.unfiltered = unfiltered

    @property
    def buffer(self) -> BinaryIO:
        raise AttributeError("the bytes of a printable stream are those of `unfiltered`")

    def write(self, text: str) -> int:
        return super().write(printable(text, keep="\n\t"))


def print_printable() -> None:
    """Filter this process's stdout and stderr, tracebacks included: a log is looked at in a terminal, too."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__") and isinstance(stream, TextIOWrapper):  # no stream of a test
            setattr(sys, name, PrintableStream(stream))


def python_escape(character: str) -> str:
    """Return the escape that stands for a character in a Python string: "\\x1b"."""
    return ascii(character)[1:-1]


def toml_escape(character: str) -> str:
    """Return the escape that stands for a character in a TOML string: "\\u001b"."""
    return f"\\u{ord(character):04x}" if ord(character) < 1 << 16 else f"\\U{ord(character):08x}"
