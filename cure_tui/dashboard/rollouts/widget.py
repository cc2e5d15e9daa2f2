"""List of a run's rollouts as one line-API widget: it holds ids and reads only the rows on the screen."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cure_tui.dashboard.rollouts.line import Columns, gone_line, head_line, rollout_line
from cure_tui.dashboard.rollouts.query import EVERYTHING, Query
from cure_tui.dashboard.rollouts.search import Listing, RolloutSearch, SearchProgress
from cure_tui.drawing.palette import styles_of, to_strip
from cure_tui.drawing.spans import Row, Span, one_column
from engine.errors import RunError
from engine.runs.archive_reader import ArchiveReader, StoredRollout

_ROWS_KEPT = 600
_READ_AHEAD = 30


class _Listed(NamedTuple):
    """Rollout of a row, with the statuses of its program's executions and the finding on it."""

    stored: StoredRollout
    executions: Sequence[str]
    finding: str


class RolloutList(ScrollView, can_focus=True):
    """List of a query's rollouts under a line of column names. `search` sets the query, `look_again` updates the list.

    The cursor stays on its rollout, at the same height on the screen, when the list changes around it. On the first
    line (at the start, or after Home) it stays on that line instead: in the order newest first, it follows training.
    """

    DEFAULT_CSS = """
    RolloutList { height: 1fr; width: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """
    ALLOW_SELECT = False  # dragging moves the cursor
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "A page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "A page down", show=False),
        Binding("home,g", "first", "First", show=False),
        Binding("end,G", "last", "Last", show=False),
        Binding("enter", "choose", "Read"),
    ]

    class Chosen(Message):
        """Choice of a rollout by Enter or double click."""

        def __init__(self, view: RolloutList, id: int) -> None:
            super().__init__()
            self.view, self.id = view, id

        @property
        def control(self) -> RolloutList:
            return self.view

    class Searched(Message):
        """Progress of a search. count: rollouts found; fault: why the search failed, "" if it did not."""

        def __init__(self, view: RolloutList, count: int, *, done: bool, fault: str) -> None:
            super().__init__()
            self.view, self.count, self.done, self.fault = view, count, done, fault

        @property
        def control(self) -> RolloutList:
            return self.view

    class Heard(Message):
        """Progress from the searching thread, for the list itself."""

        def __init__(self, progress: SearchProgress) -> None:
            super().__init__()
            self.progress = progress

    def __init__(self, archive: Path, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._archive = archive
        self._search = RolloutSearch(archive, self._hear)
        self._query = EVERYTHING
        self._listing = Listing(EVERYTHING, array("q"), {})
        self._number = 0  # of the current search
        self._heard_number = 0  # of the search that the list shows
        self.searching = False
        self._look_later = False  # a running search misses steps written meanwhile
        self._count = 0
        self._fault = ""
        self._cursor = 0
        self._follows_first = True
        self._reader: ArchiveReader | None = None
        self._read: dict[int, _Listed | None] = {}

    # What is shown ------------------------------------------------------------------------------------------

    @property
    def rollout_query(self) -> Query:
        """Query of the last search."""
        return self._query

    @property
    def ids(self) -> Sequence[int]:
        """Ids of the rollouts in the list, in its order."""
        return self._listing.ids

    @property
    def cursor(self) -> int:
        """Row of the chosen rollout, from 0."""
        return self._cursor

    @property
    def selected(self) -> int | None:
        """Id of the chosen rollout; None in an empty list."""
        return self._listing.ids[self._cursor] if self._cursor < self._count else None

    def search(self, query: Query) -> None:
        """Start a search; the old rollouts stay on the screen until the first new ones are found."""
        self._query, self.searching, self._follows_first = query, True, True
        self._number = self._search.start(query)
        self.refresh()

    def look_again(self) -> None:
        """Update the list from the archive. Call it whenever a step may have been written or dropped."""
        if self.searching:
            self._look_later = True
            return
        self.searching = True
        if self._fault:
            self._number = self._search.start(self._query)
        else:
            self._number = self._search.renew(self._listing)

    def select(self, id: int) -> None:
        """Move the cursor to a rollout, if it is in the list."""
        row = self._row_of(id)
        if row is not None:
            self._follows_first = False
            self._move_to(row)

    def _row_of(self, id: int) -> int | None:
        try:
            return self._listing.ids.index(id)
        except ValueError:
            return None

    # Searching ----------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh())
        if not self._number:
            self.search(self._query)

    def on_unmount(self) -> None:
        self._search.stop()
        self._close_reader()

    def _hear(self, progress: SearchProgress) -> None:
        self.post_message(self.Heard(progress))  # from the searching thread

    def on_rollout_list_heard(self, event: Heard) -> None:
        event.stop()
        progress = event.progress
        if progress.number != self._number:
            return
        self.searching = not progress.done
        if self._heard_number == progress.number:
            self._count = progress.count
            self.virtual_size = Size(self.size.width, self._count + 1)
        else:
            self._heard_number = progress.number
            self._replace(progress)
        self.refresh()
        self.post_message(self.Searched(self, self._count, done=progress.done, fault=progress.fault))
        if progress.done and self._look_later:
            self._look_later = False
            self.look_again()

    def _replace(self, progress: SearchProgress) -> None:
        """Replace the listing and keep the cursor on its rollout."""
        chosen, height = self.selected, self._cursor - self.scroll_offset.y
        if progress.listing.written != self._listing.written:
            # After a resume, ids stand for other rollouts; and an archive that was moved away must be reopened.
            self._close_reader()
        self._listing, self._count, self._fault = progress.listing, progress.count, progress.fault
        self.virtual_size = Size(self.size.width, self._count + 1)
        row = self._row_of(chosen) if chosen is not None and not self._follows_first else 0
        if row is None:  # the rollout is gone: keep the row
            row = self._cursor
        self.scroll_to(y=max(0, row - height), animate=False)
        self._move_to(row)

    # Rows ---------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        columns = Columns.for_width(self.size.width, max(self._listing.written, default=0))
        if y == 0:
            return self._strip(head_line(columns))
        at = self.scroll_offset.y + y - 1
        if at >= self._count:
            return self._strip(self._nothing() if y == 1 and not self._count else ())
        chosen = at == self._cursor
        found = self._rollout(at)
        if found is None:
            row = gone_line(columns, chosen=chosen)
        else:
            row = rollout_line(
                found.stored, columns, self._listing.query.texts, found.executions, found.finding, chosen=chosen
            )
        return self._strip(row, under_cursor=chosen and self.has_focus)

    def _strip(self, row: Row, *, under_cursor: bool = False) -> Strip:
        base = self.rich_style
        if under_cursor:
            # One colour for the whole line: reverse video would turn the spans' colours into backgrounds.
            row = tuple(span if span.style == "match" else Span(span.text) for span in row)
            base += styles_of(self.app.theme)["cursor"]
        return to_strip(row, self.size.width, self.app.theme, base)

    def _nothing(self) -> Row:
        if self.searching:
            return (Span(" searching …", "muted"),)
        if self._fault:
            return (Span(f" {one_column(self._fault)}", "warning"),)
        if self._listing.query == EVERYTHING:
            return (Span(" no answers yet: those of a step are listed when it has finished", "muted"),)
        return (Span(f" no rollout matches: {one_column(self._listing.query.explain())}", "muted"),)

    def _rollout(self, at: int) -> _Listed | None:
        """Return the rollout of a row; read those around it along with it."""
        ids = self._listing.ids
        if ids[at] not in self._read:
            end = min(self._count, at + self.size.height + _READ_AHEAD)
            around = [id for id in ids[max(0, at - _READ_AHEAD) : end] if id not in self._read]
            if len(self._read) > _ROWS_KEPT:
                self._read.clear()
            self._read |= self._rollouts(around)
        return self._read[ids[at]]

    def _rollouts(self, ids: Sequence[int]) -> dict[int, _Listed | None]:
        """Read rollouts; None for each that is no longer in the archive, or if the archive cannot be read."""
        try:
            if self._reader is None:
                self._reader = ArchiveReader(self._archive)
            executions = self._reader.executions(ids)
            findings = self._reader.findings(ids)
            there = {
                stored.id: _Listed(stored, executions.get(stored.id, ()), findings.get(stored.id, ""))
                for stored in self._reader.rollouts(ids)
            }
        except RunError:
            self._close_reader()
            there = {}
        return {id: there.get(id) for id in ids}

    def _close_reader(self) -> None:
        self._read.clear()
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    # The cursor ---------------------------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        self._follows_first = False
        self._move_to(self._cursor + rows)

    def action_page(self, pages: int) -> None:
        self._follows_first = False
        self.scroll_to(y=self.scroll_offset.y + pages * self._page, animate=False)
        self._move_to(self._cursor + pages * self._page)

    def action_first(self) -> None:
        self._follows_first = True
        self._move_to(0)

    def action_last(self) -> None:
        self._follows_first = False
        self._move_to(self._count - 1)

    def action_choose(self) -> None:
        if self.selected is not None:
            self.post_message(self.Chosen(self, self.selected))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not 0 < offset.y <= self._count - self.scroll_offset.y:
            return
        self._follows_first = False
        self._move_to(self.scroll_offset.y + offset.y - 1)
        if event.chain == 2:
            self.action_choose()

    @property
    def _page(self) -> int:
        """Rows that fit below the column names."""
        return max(1, self.size.height - 1)

    def _move_to(self, row: int) -> None:
        self._cursor = min(max(0, row), max(0, self._count - 1))
        top = self.scroll_offset.y
        if not top <= self._cursor < top + self._page:
            self.scroll_to(y=self._cursor if self._cursor < top else self._cursor - self._page + 1, animate=False)
        self.refresh()
