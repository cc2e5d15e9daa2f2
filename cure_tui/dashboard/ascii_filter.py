"""Turns what Textual draws of its own (borders, tabs, scroll bars, keys) into ASCII, for terminals that know no more.

Our own pictures have ASCII glyphs of their own and pass unchanged; this is for the frame around them.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_LOOK_ALIKES: Mapping[str, str] = {
    "-": "─━╌╍┄┅┈┉╴╶╸╺╼╾═▔▁⎽–—",
    "|": "│┃╎╏┆┇┊┋╵╷╹╻║▏▕▎▍▌▐▊▋",
    "+": "┌┐└┘├┤┬┴┼╭╮╯╰╱╲┏┓┗┛┣┫┳┻╋╒╓╔╕╖╗╘╙╚╛╜╝╠╣╦╩╬✔✓",
    "#": "█▇▆▅▄▃▂▉▀■▓",
    ".": "·░▒□•○",
    "*": "●★◆",
    "x": "×✘✗",
    "~": "…",
    ">": "→›▸▶",
    "<": "←‹◂◀⏎↵",
    "^": "↑▲",
    "v": "↓▼",
    " ": "\u00a0\u2800",
}
_TABLE = str.maketrans({sign: plain for plain, signs in _LOOK_ALIKES.items() for sign in signs})


def to_ascii(text: str) -> str:
    """The text in ASCII and just as wide: look-alikes where there are some, else question marks."""
    if text.isascii():
        return text
    return "".join(
        character if character.isascii() else "?" * cell_len(character) for character in text.translate(_TABLE)
    )


class AsciiOnly(LineFilter):
    """Runs over every line of the screen just before it is sent."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
