"""Rows of styled text: the pure data that charts, matrices and walls consist of.

A style is a name ("series0", "good", "axis"), never a colour: `palette` maps it to a colour under each theme, and
`plain` drops it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from engine.printable import STAND_IN
from engine.printable import printable as without_controls


class Span(NamedTuple):
    """A piece of a row in one style. `text` holds no newline and only characters one column wide."""

    text: str
    style: str = ""


Row = tuple[Span, ...]


def plain(rows: Iterable[Row]) -> str:
    """Return the rows as plain text, one per line, without trailing blanks: for tests, files and plain terminals."""
    return "\n".join("".join(without_controls(span.text) for span in row).rstrip() for row in rows)


def width(row: Row) -> int:
    """Return the number of columns that the row takes."""
    return sum(len(span.text) for span in row)


def fit(row: Row, columns: int) -> Row:
    """Cut the row, or pad it with blanks, to exactly `columns`."""
    kept: list[Span] = []
    left = columns
    for span in row:
        if left <= 0:
            break
        kept.append(Span(span.text[:left], span.style))
        left -= len(kept[-1].text)
    return (*kept, Span(" " * left)) if left > 0 else tuple(kept)


def merge(cells: Sequence[tuple[str, str]]) -> Row:
    """Join single (character, style) cells into as few spans as their styles allow."""
    spans: list[Span] = []
    start = 0
    for at in range(1, len(cells) + 1):
        if at == len(cells) or cells[at][1] != cells[start][1]:
            spans.append(Span("".join(character for character, _ in cells[start:at]), cells[start][1]))
            start = at
    return tuple(spans)


def printable(text: str, widths: Container[int] = (0, 1, 2), *, lines: bool = False) -> str:
    """Replace by "·" what `engine.printable` replaces and what is not of `widths` columns, by " " any other blank.

    lines: newlines stay.
    """
    keep = "\n" if lines else ""
    text = without_controls(text, keep=keep)
    if text.isascii():
        return text
    return "".join(
        " " if character.isspace() and character not in keep
        else character if character in keep or cell_len(character) in widths
        else STAND_IN
        for character in text
    )  # fmt: skip


def printable_in_place(text: str) -> str:
    """Make text printable and keep its columns, once it has been laid out: a control has none and is left out."""
    if text.isprintable():
        return text
    clean = without_controls(text, keep="\n", shown=lambda character: STAND_IN * cell_len(character))
    return clean if "\n" in text else set_cell_size(clean, cell_len(text))


def one_column(text: str) -> str:
    """Replace by "·" every character that does not take exactly one column (tabs, controls, wide, combining)."""
    return printable(text, widths=(1,))
