"""Lines of a log laid out for a view: wrapped into rows, and searched. Only what is new is laid out again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cure_tui.drawing.spans import Row, Span, merge, one_column

_LEAST_COLUMNS = 4


class Place(NamedTuple):
    """Place in a log: a line, and a character of it."""

    line: int
    at: int


@dataclass
class LogLayout:
    """Layout of a log: `rows` are the places at which its rows begin, `matches` those at which the words are found.

    columns: width of a row if lines are wrapped. words: searched for without regard to case; "" finds nothing.
    """

    columns: int = 80
    wraps: bool = True
    words: str = ""
    lines: list[str] = field(default_factory=list)
    rows: list[Place] = field(default_factory=list)
    matches: list[Place] = field(default_factory=list)

    def take(self, lines: Sequence[str], kept: int) -> None:
        """Take the lines of the log, of which the first `kept` are known already."""
        self.lines[kept:] = [one_column(line) for line in lines[kept:]]
        self._lay_out(kept)
        self._search(kept)

    def set_width(self, columns: int) -> None:
        if max(columns, _LEAST_COLUMNS) != self.columns:
            self.columns = max(columns, _LEAST_COLUMNS)
            self._lay_out(0)

    def wrap(self, *, wraps: bool) -> None:
        self.wraps = wraps
        self._lay_out(0)

    def search(self, words: str) -> None:
        self.words = words
        self._search(0)

    def row_of(self, place: Place) -> int:
        """Return the row that holds a place."""
        return max(0, bisect_left(self.rows, Place(place.line, place.at + 1)) - 1)

    def next_match(self, current: Place | None, by: int) -> Place | None:
        """Return the match after the current one or, with by = -1, before it; past the last, the first.

        Without a current match the search begins at the end of the log, where a log is read.
        """
        if not self.matches:
            return None
        if current is None:
            return self.matches[-1]
        at = bisect_left(self.matches, current)
        is_match = at < len(self.matches) and self.matches[at] == current
        return self.matches[(at + (by if is_match or by < 0 else 0)) % len(self.matches)]

    def row(self, number: int, current: Place | None, begin: int = 0) -> Row:
        """Return a row with its matches marked, the current one as the cursor is. begin: first column shown."""
        line, start = self.rows[number]
        text = self.lines[line]
        start += begin
        end = start + self.columns
        style = _style(text)
        cells = [(letter, style) for letter in text[start:end]]
        for at in self._matches_of(line):
            mark = "cursor" if Place(line, at) == current else "match"
            for cell in range(max(at, start), min(at + len(self.words), end, len(text))):
                cells[cell - start] = (cells[cell - start][0], mark)
        return merge(cells) if cells else (Span(""),)

    def _matches_of(self, line: int) -> list[int]:
        first = bisect_left(self.matches, Place(line, 0))
        last = bisect_left(self.matches, Place(line + 1, 0))
        return [place.at for place in self.matches[first:last]]

    def _lay_out(self, kept: int) -> None:
        del self.rows[bisect_left(self.rows, Place(kept, 0)) :]
        step = self.columns
        for number in range(kept, len(self.lines)):
            length = len(self.lines[number]) if self.wraps else 0
            self.rows += [Place(number, start) for start in range(0, max(length, 1), step)]

    def _search(self, kept: int) -> None:
        del self.matches[bisect_left(self.matches, Place(kept, 0)) :]
        wanted = self.words.lower()
        if not wanted:
            return
        for number in range(kept, len(self.lines)):
            text = self.lines[number].lower()
            if len(text) != len(self.lines[number]):  # a few letters have lower cases of two: offsets would be wrong
                text = self.lines[number]
            at = text.find(wanted)
            while at >= 0:
                self.matches.append(Place(number, at))
                at = text.find(wanted, at + len(wanted))


def _style(line: str) -> str:
    """Return the style of a line by the level that its words tell."""
    head = line[:80].lower()
    if head.startswith(("error", "traceback")) or " error" in head:
        return "error"
    return "warning" if "warning" in head else "text"
