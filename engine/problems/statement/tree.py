"""Tree of a document, the same for Markdown and HTML: paragraphs, headings, code, tables, lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a line. kind: "code", "bold", "" for plain text, or "mark" for the asterisks of Markdown's emphasis."""

    text: str
    kind: str = ""


Line: TypeAlias = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of text. at: first line and line after the last one in the source, None where the source is HTML."""

    lines: tuple[Line, ...]
    at: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """Title of a part; level 1 is the highest."""

    level: int
    line: Line
    at: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """Preformatted text with its final line break. info: the words after an opening fence, such as `input1`."""

    text: str
    info: str = ""
    at: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; a cell holds blocks."""

    rows: tuple[tuple[tuple[Block, ...], ...], ...]
    at: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class List:
    """Items, each of blocks."""

    items: tuple[tuple[Block, ...], ...]
    ordered: bool = False
    at: tuple[int, int] | None = None


Block: TypeAlias = Paragraph | Heading | Code | Table | List


@dataclass(frozen=True, slots=True)
class Document:
    """Parsed text. source: the lines of a Markdown text, to which `at` points.

    title: title that the document's head gives. is_html: HTML contributes to it, so that its source is no text to read.
    main: the blocks of the problem alone, where a page marks them; else equal to blocks. parts: where a
    page marks several, each of them. pictures: their number.
    """

    blocks: tuple[Block, ...]
    main: tuple[Block, ...]
    parts: tuple[tuple[Block, ...], ...] = ()
    source: tuple[str, ...] = ()
    title: str = ""
    is_html: bool = False
    pictures: int = 0


def plain(line: Sequence[Span]) -> str:
    """Return the text of a line without marks."""
    return "".join(span.text for span in line if span.kind != "mark").strip()


def written(line: Sequence[Span]) -> str:
    """Return the text of a line with backticks around inline code."""
    return "".join(
        f"`{span.text}`" if span.kind == "code" else span.text for span in line if span.kind != "mark"
    ).strip()


def render(blocks: Sequence[Block]) -> str:
    """Write blocks as Markdown, for a model to read."""
    return "\n\n".join(text for block in blocks if (text := _rendered(block).strip("\n")))


def _rendered(block: Block) -> str:
    match block:
        case Paragraph():
            return "\n".join(map(written, block.lines))
        case Heading():
            return f"{'#' * block.level} {written(block.line)}"
        case Code():
            return f"```\n{block.text.removesuffix(chr(10))}\n```"
        case Table():
            rows = [[render(cell) for cell in row] for row in block.rows]
            if any("\n" in cell for row in rows for cell in row):
                return "\n\n".join(cell for row in rows for cell in row if cell)
            lines = [f"| {' | '.join(row)} |" for row in rows]
            return "\n".join([*lines[:1], "|---" * max(map(len, rows), default=0) + "|", *lines[1:]])
        case List():
            marks = [f"{number}." if block.ordered else "-" for number in range(1, len(block.items) + 1)]
            items = zip(marks, map(render, block.items), strict=True)
            return "\n".join(f"{mark} {text}".replace("\n", "\n  ") for mark, text in items)
