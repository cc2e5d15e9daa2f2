"""Builder of the tree: takes the events of an HTML or a Markdown parser, in the order of the text.

Markdown may hold HTML and HTML cells may hold Markdown, so both parsers feed one builder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.problems.statement.tree import Block, Code, Heading, Line, List, Paragraph, Span, Table

_BLANKS = re.compile(r"[ \t\n\r\f\xa0\u200b]+")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


_BOLD = words("b strong th")
_CODE = words("code tt kbd samp")
_CONTAINERS = words("table ul ol tr td th li")
_MOST_FRAMES = 100
_PREFORMATTED = words("pre listing xmp")
BLOCKS = words(
    """
    address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form h1
    h2 h3 h4 h5 h6 header hr html legend li listing main menu nav ol option p pre section summary table tbody td
    textarea tfoot th thead tr ul xmp
    """
)
"""Elements that end a line of text before and after them."""


@dataclass(slots=True)
class _Frame:
    """Open container: `root`, `table`, `tr`, `cell`, `list` or `item`, and what it holds so far."""

    kind: str
    blocks: list[Block] = field(default_factory=list)
    rows: list[tuple[tuple[Block, ...], ...]] = field(default_factory=list)
    cells: list[tuple[Block, ...]] = field(default_factory=list)
    ordered: bool = False
    at: tuple[int, int] | None = None


class Builder:
    """State of a document under construction. `at` is the place in the source that the next blocks get.

    pictures: their number; size: characters of text.
    """

    def __init__(self) -> None:
        self.at: tuple[int, int] | None = None
        self.pictures = self.size = 0
        self._frames = [_Frame("root")]
        self._lines: list[list[Span]] = [[]]
        self._pre: list[str] | None = None
        self._pre_info = ""
        self._bold = self._code = self._level = self._ignored = 0

    @property
    def is_at_top(self) -> bool:
        return len(self._frames) == 1

    @property
    def length(self) -> int:
        """Number of finished blocks at the top."""
        return len(self._frames[0].blocks)

    def finish(self) -> tuple[Block, ...]:
        """Close everything, return the blocks."""
        while len(self._frames) > 1:
            self._close_frame()
        self.flush()
        return tuple(self._frames[0].blocks)

    def start(self, tag: str, info: str = "") -> None:
        """Open an element; `info` is the language of a code block."""
        if self._pre is not None:
            self._start_in_pre(tag, info)
            return
        if tag == "br":
            self._lines.append([])
        elif tag in BLOCKS:
            self.flush()
        if tag in _PREFORMATTED:
            self._pre, self._pre_info = [], info
        elif tag in _HEADINGS:
            self._level = _HEADINGS[tag]
        elif tag in _CONTAINERS and len(self._frames) > _MOST_FRAMES:
            self._ignored += 1
        elif tag == "table":
            self._frames.append(_Frame("table", at=self.at))
        elif tag in ("ul", "ol"):
            self._frames.append(_Frame("list", ordered=tag == "ol", at=self.at))
        elif tag in ("tr", "td", "th", "li"):
            self._frames.append(_Frame({"tr": "tr", "li": "item"}.get(tag, "cell")))
        self._style(tag, 1)

    def end(self, tag: str) -> None:
        """Close an element that `start` opened."""
        if self._pre is not None:
            if tag in _PREFORMATTED:
                text, self._pre = "".join(self._pre).replace("\xa0", " ").replace("\u200b", ""), None
                self.code(text, self._pre_info)
            elif tag in BLOCKS:
                self._break_in_pre()
            return
        if tag in BLOCKS:
            self.flush()
        if tag in _CONTAINERS and self._ignored:
            self._ignored -= 1
        elif tag in _CONTAINERS:
            self._close_frame()
        self._style(tag, -1)

    def text(self, text: str, kind: str = "", *, collapse: bool = True) -> None:
        """Add text to the line; `collapse` joins blanks, as HTML does."""
        self.size += len(text)
        if self._pre is not None:
            self._pre.append(text)
            return
        if collapse:
            text = _BLANKS.sub(" ", text)
        line = self._lines[-1]
        if collapse and text[:1] == " " and (not line or line[-1].text.endswith(" ")):
            text = text[1:]
        if text:
            line.append(Span(text, kind or ("code" if self._code else "bold" if self._bold else "")))

    def code(self, text: str, info: str = "") -> None:
        """Add a code block; it gets a final line break unless it is empty."""
        self.flush()
        if text and not text.endswith("\n"):
            text += "\n"
        self._frames[-1].blocks.append(Code(text, info, self.at))

    def flush(self) -> None:
        """End the paragraph or heading."""
        if not any(self._lines):  # at most ends of an element: pages of tables have little else
            self._lines = [[]]
            return
        lines = tuple(line for line in map(_stripped, self._lines) if line)
        self._lines = [[]]
        if not lines:
            return
        if self._level:
            joined: list[Span] = []
            for line in lines:
                joined += [*([Span(" ")] if joined else []), *line]
            self._frames[-1].blocks.append(Heading(self._level, tuple(joined), self.at))
            self._level = 0
        else:
            self._frames[-1].blocks.append(Paragraph(lines, self.at))

    def _style(self, tag: str, change: int) -> None:
        if tag in _BOLD:
            self._bold += change
        elif tag in _CODE:
            self._code += change
        elif tag in _HEADINGS and change < 0:
            self._level = 0
        elif change > 0 and tag in ("sup", "sub"):
            self.text("^" if tag == "sup" else "_")
        elif change > 0 and tag == "img" and self.size:  # one above all text is a logo
            self.pictures += 1

    def _start_in_pre(self, tag: str, info: str) -> None:
        if tag == "br":
            self.text("\n")
        elif tag in BLOCKS:
            self._break_in_pre()
        elif tag == "sup":
            self.text("^")
        elif tag == "code":
            self._pre_info = info or self._pre_info

    def _break_in_pre(self) -> None:
        written = next((text for text in reversed(self._pre or []) if text), "")
        if written and not written.endswith("\n"):
            self.text("\n")

    def _close_frame(self) -> None:
        self.flush()
        if len(self._frames) == 1:
            return
        frame, below = self._frames.pop(), self._frames[-1]
        if frame.kind == "cell":
            below.cells.append(tuple(frame.blocks))
        elif frame.kind == "tr":
            below.rows.append(tuple(frame.cells))
        elif frame.kind == "item":
            below.rows.append((tuple(frame.blocks),))
        elif frame.kind == "list":
            below.blocks += [*frame.blocks, List(tuple(row[0] for row in frame.rows), frame.ordered, frame.at)]
        elif _is_layout(frame):
            below.blocks += [*frame.blocks, *(block for row in frame.rows for cell in row for block in cell)]
        else:
            below.blocks += [*frame.blocks, Table(tuple(frame.rows), frame.at)]


def _is_layout(frame: _Frame) -> bool:
    """Tell a table that arranges a page from one that holds data."""
    cells = [cell for row in frame.rows for cell in row]
    return all(len(row) < 2 for row in frame.rows) or any(
        isinstance(block, Heading | Table) for cell in cells for block in cell
    )


def _stripped(spans: list[Span]) -> Line:
    """Drop the blanks at both ends of a line."""
    spans = [span for span in spans if span.text]
    while spans and spans[0].kind != "code" and not spans[0].text.strip():
        spans = spans[1:]
    while spans and spans[-1].kind != "code" and not spans[-1].text.strip():
        spans = spans[:-1]
    if spans and spans[0].kind != "code":
        spans[0] = Span(spans[0].text.lstrip(), spans[0].kind)
    if spans and spans[-1].kind != "code":
        spans[-1] = Span(spans[-1].text.rstrip(), spans[-1].kind)
    return tuple(spans)
