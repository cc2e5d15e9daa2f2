"""Rows of styled text, the common currency of charts, matrices and walls: pure data that knows no terminal.

A style is a name ("series0", "good", "axis"), never a colour: `palette` says what it looks like under which theme, and
`plain` what is left of it without any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len


class Span(NamedTuple):
    """A piece of a row in one style. `text` holds no newline and only characters one column wide."""

    text: str
    style: str = ""


Row = tuple[Span, ...]


def plain(rows: Iterable[Row]) -> str:
    """The rows as text, one a line, trailing blanks cut: for tests, files and terminals without style."""
    return "\n".join("".join(span.text for span in row).rstrip() for row in rows)


def width(row: Row) -> int:
    """Columns that a row takes."""
    return sum(len(span.text) for span in row)


def fit(row: Row, columns: int) -> Row:
    """The row cut or padded with blanks to exactly `columns`."""
    kept: list[Span] = []
    left = columns
    for span in row:
        if left <= 0:
            break
        kept.append(Span(span.text[:left], span.style))
        left -= len(kept[-1].text)
    return (*kept, Span(" " * left)) if left > 0 else tuple(kept)


def merge(cells: Sequence[tuple[str, str]]) -> Row:
    """Single (character, style) cells joined to as few spans as their styles allow."""
    spans: list[Span] = []
    start = 0
    for at in range(1, len(cells) + 1):
        if at == len(cells) or cells[at][1] != cells[start][1]:
            spans.append(Span("".join(character for character, _ in cells[start:at]), cells[start][1]))
            start = at
    return tuple(spans)


def one_column(text: str) -> str:
    """The text with everything that would not take exactly one column (tabs, controls, wide, combining) as "·"."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character.isprintable() and cell_len(character) == 1 else "·" for character in text)
