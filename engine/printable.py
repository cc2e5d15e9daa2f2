"""Foreign text made safe to print: no character is left that a terminal obeys, or that hides what the text says.

Runs, data sets, presets, problems, servers and models hold text of other people. It is kept as it is, and made
printable where it leaves this program: on standard streams, screens, titles, in pictures and tables.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

STAND_IN = "·"


def printable(text: str, *, keep: str = "", shown: Callable[[str], str] = lambda character: STAND_IN) -> str:
    """Replace what is not printed as itself by what `shown` gives for it, "·" by default; leave those in `keep`.

    Replaced are C0 and C1 controls (ESC, BEL, CSI, \\r, \\n), DEL, line separators, bidirectional and zero-width
    controls, lone surrogates, private and unassigned code points. Blanks of every width stay.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in keep or unicodedata.category(character) == "Zs"
        else shown(character)
        for character in text
    )  # fmt: skip


def python_escape(character: str) -> str:
    """Return the escape that stands for a character in a Python string: "\\x1b"."""
    return ascii(character)[1:-1]


def toml_escape(character: str) -> str:
    """Return the escape that stands for a character in a TOML string: "\\u001b"."""
    return f"\\u{ord(character):04x}" if ord(character) < 1 << 16 else f"\\U{ord(character):08x}"
