"""Sheet: one table with a title and notes, written as text of a given width or as Markdown."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.spans import printable
from cure_tui.terminal import draws_unicode

_GAP = 2
_COLUMNS = 120  # of a table that no terminal bounds
_MOST_NAME = 28  # columns of a first cell in text, beyond which its middle is cut out


@dataclass(frozen=True, slots=True)
class Column:
    """Column of a sheet. rank: text that is too narrow leaves out columns of the highest rank first, of 0 never."""

    title: str
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Sheet:
    """Table: a name in the first cell of each row, figures in the others. Raises ValueError for an uneven row."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of '{self.title}' has another number of cells than columns")


def as_text(sheets: Iterable[Sheet], width: int) -> str:
    """Return the sheets as plain text of `width` columns.

    A sheet that is too wide leaves out columns and names them; if none may be left out, it goes on below itself.
    """
    return "\n\n".join(_text(sheet, width) for sheet in sheets)


def for_terminal(sheets: Iterable[Sheet]) -> str:
    """Return the sheets as text for standard output: as wide as the terminal, in its characters."""
    text = as_text(sheets, shutil.get_terminal_size((_COLUMNS, 24)).columns)
    return text if draws_unicode() else to_ascii(text)


def as_markdown(sheets: Iterable[Sheet], title: str) -> str:
    """Return the sheets as a Markdown document, nothing left out."""
    parts = [f"# {_cell(title)}"]
    for sheet in sheets:
        parts.append(f"## {_cell(sheet.title)}")
        if sheet.rows:
            rule = ["---", *["---:"] * (len(sheet.columns) - 1)]
            lines = [[column.title for column in sheet.columns], rule, *sheet.rows]
            parts.append("\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines))
        if sheet.notes:
            parts.append("\n".join(f"- {_cell(note)}" for note in sheet.notes))
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    """Return text that Markdown takes literally."""
    return "".join(f"\\{character}" if character in "\\|*_`<>[]#" else character for character in printable(text))


def _text(sheet: Sheet, width: int) -> str:
    lines = [[column.title for column in sheet.columns], *sheet.rows]
    cells = [[_shortened(line[0]), *map(printable, line[1:])] for line in lines] if sheet.rows else []
    widths = [max(cell_len(line[at]) for line in cells) for at in range(len(sheet.columns))] if cells else []
    kept = list(range(len(widths)))
    while _total(widths, kept) > width and (spare := [at for at in kept if sheet.columns[at].rank]):
        kept.remove(max(spare, key=lambda at: (sheet.columns[at].rank, at)))
    left_out = [column.title for at, column in enumerate(sheet.columns) if widths and at not in kept]
    notes = [*sheet.notes]
    if left_out:
        notes.append(f"left out here for want of columns: {', '.join(left_out)}; --markdown and --html have them")
    text = [_wrapped(sheet.title, width)]
    for part in _parts(widths, kept, width):
        text += [_line(cells[0], widths, part), "-" * min(width, _total(widths, part))]
        text += [_line(line, widths, part) for line in cells[1:]]
    return "\n".join([*text, *(_wrapped(note, width, "  ") for note in notes)])


def _parts(widths: Sequence[int], kept: Sequence[int], width: int) -> list[list[int]]:
    """Return the columns of each part, as many as fit, each part beginning with the first column."""
    parts: list[list[int]] = []
    for at in kept[1:]:
        if not parts or _total(widths, [*parts[-1], at]) > width:
            parts.append([0])
        parts[-1].append(at)
    return parts or ([[0]] if kept else [])


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[at] for at in kept) + _GAP * (len(kept) - 1)


def _line(cells: Sequence[str], widths: Sequence[int], kept: Sequence[int]) -> str:
    padded = []
    for at in kept:
        blanks = " " * (widths[at] - cell_len(cells[at]))
        padded.append(cells[at] + blanks if at == 0 else blanks + cells[at])
    return (" " * _GAP).join(padded).rstrip()


def _wrapped(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(printable(text), max(width, 20), subsequent_indent=indent, break_on_hyphens=False)


def _shortened(name: str) -> str:
    """Cut out the middle of a long name: model and date at its ends tell evaluations apart."""
    name = printable(name, (0, 1))
    half = (_MOST_NAME - 1) // 2
    return name if len(name) <= _MOST_NAME else f"{name[: _MOST_NAME - half - 1]}…{name[-half:]}"
