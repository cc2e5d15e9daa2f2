"""ASCII letters of the glyphs that pictures are drawn with, for terminals that draw no Unicode.

Pictures always draw the glyphs; the letters take their places where style names become colours. A glyph has one letter,
one column wide, so that nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len

# Glyphs that are told apart within one picture have different letters: what became of a program or a test (matrix and
# wall), the conditions of a run. Frames, bars and arrows are Textual's as well as ours, and look alike.
_GLYPHS_OF: Mapping[str, str] = {
    "#": "■█▇▆▅▄▃▂▉▀▓",  # passed, stopped
    "x": "×✘✗",  # wrong answer, failed
    "+": "●±┌┐└┘├┤┬┴┼╭╮╯╰╱╲┏┓┗┛┣┫┳┻╋╒╓╔╕╖╗╘╙╚╛╜╝╠╣╦╩╬",  # correct, live
    "-": "○─╌╍┄┅┈┉╴╶▔▁⎽—",  # wrong
    "~": "–…◌",  # malformed, text cut off, asked for
    "/": "⋯↵",  # truncated answer, line end
    ".": "·░▒•",  # not run, a character that is not shown
    "*": "★",  # best of n
    "o": "□",  # answer not judged yet
    "C": "◆",  # coder
    "T": "◇",  # tester
    "v": "✔✓↓▼",  # finished, right
    "!": "☠",  # crashed
    "=": "⏸━═╸╺╼╾",  # paused, progress
    "|": "│┃╎╏┆┇┊┋╵╷╹╻║▏▕▎▍▌▐▊▋",
    ">": "→›▸▶",
    "<": "←‹◂◀⏎",
    "^": "↑▲",
    " ": "\u00a0\u2800",
}
LETTERS: Mapping[str, str] = {glyph: letter for letter, glyphs in _GLYPHS_OF.items() for glyph in glyphs}
_TABLE = str.maketrans(dict(LETTERS))


def to_ascii(text: str) -> str:
    """Return the text in ASCII and equally wide: a glyph's letter, else question marks."""
    if text.isascii():
        return text
    lettered = text.replace("± ", "+-").translate(_TABLE)
    return "".join(character if character.isascii() else "?" * cell_len(character) for character in lettered)
