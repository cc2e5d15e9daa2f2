"""Tables of plain text in aligned columns, for terminals and for `awk`."""

from __future__ import annotations

from collections.abc import Sequence

from engine.printable import printable


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return left-aligned columns, two blanks apart, a line for each row; the last column is not padded."""
    lines = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
