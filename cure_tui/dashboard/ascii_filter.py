"""ASCII filter for terminals without Unicode: replaces what Textual itself draws (borders, tabs, scroll bars, keys).

The project's own pictures have ASCII glyphs already and pass unchanged.
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
    """Return the text in ASCII at the same width: look-alikes where the table has them, else question marks."""
    if text.isascii():
        return text
    return "".join(
        character if character.isascii() else "?" * cell_len(character) for character in text.translate(_TABLE)
    )


class AsciiOnly(LineFilter):
    """Line filter that Textual applies to every line of the screen before it is sent."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
