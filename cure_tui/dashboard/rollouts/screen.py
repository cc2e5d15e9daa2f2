"""Screen of one rollout in full, with keys to its neighbours in the list that it was opened from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cure_tui.dashboard.copying import copy, save
from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.rollouts.page import RolloutPage, head_rows, rollout_page, rollout_text
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.palette import styles_of
from cure_tui.drawing.spans import Row, Span, merge, one_column
from engine.errors import RunError
from engine.runs.archive_reader import ArchiveReader, StoredRollout
from engine.runs.records import TaskRecord

GONE = "This rollout is no longer in the archive: retention or a resume dropped its step."


class PageView(ScrollView, can_focus=True):
    """View of a page with the current match marked; draws only the visible lines."""

    DEFAULT_CSS = """
    PageView { height: 1fr; width: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
        Binding("space", "page_down", "A page down", show=False),
        Binding("g", "scroll_home", "First line", show=False),
        Binding("G", "scroll_end", "Last line", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._page = RolloutPage((), ())
        self._current: int | None = None

    def show(self, page: RolloutPage) -> None:
        self._page, self._current = page, None
        self.virtual_size = Size(self.size.width, len(page.lines))
        self.refresh()

    def show_match(self, which: int) -> None:
        """Mark a match; if it is out of sight, scroll it to the middle."""
        self._current = which
        line = self._page.matches[which][0].line
        if not self.scroll_offset.y <= line < self.scroll_offset.y + self.size.height:
            self.scroll_to(y=max(0, line - self.size.height // 2), animate=False)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        number = self.scroll_offset.y + y
        row = self._line(number) if number < len(self._page.lines) else ()
        styles, base = styles_of(self.app.theme), self.rich_style
        # Not `to_strip`, which counts one column per character: this view keeps wide characters.
        segments = [Segment(span.text, base + styles[span.style]) for span in row]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def _line(self, number: int) -> Row:
        row = self._page.lines[number]
        if self._current is None:
            return row
        for place in self._page.matches[self._current]:
            if place.line == number:
                cells = [(letter, span.style) for span in row for letter in span.text]
                marked = [(letter, "cursor") for letter, _ in cells[place.start : place.end]]
                row = merge([*cells[: place.start], *marked, *cells[place.end :]])
        return row


class RolloutScreen(Screen[int]):
    """Screen of rollout `at` of `ids`. Its result is the id of the last rollout shown.

    texts: the search texts, which are marked; n and N go through the matches. exports: the folder for files.
    """

    DEFAULT_CSS = """
    RolloutScreen #about { background: $panel; height: 3; }
    """
    # with priority: otherwise the focused page would use the arrows to scroll sideways, where there is nothing
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close"),
        Binding("left", "step(-1)", "Previous", key_display="←", priority=True),
        Binding("right", "step(1)", "Next", key_display="→", priority=True),
        Binding("n", "match(1)", "Next match"),
        Binding("N", "match(-1)", "Previous match", key_display="N", show=False),
        Binding("c", "copy", "Copy answer"),
        Binding("s", "save", "Save"),
    ]

    def __init__(
        self,
        archive: Path,
        ids: Sequence[int],
        at: int,
        texts: Sequence[str] = (),
        *,
        exports: Path | None = None,
    ) -> None:
        super().__init__()
        self._archive, self._ids, self._at, self._texts = archive, ids, at, tuple(texts)
        self._exports = exports or archive.parent / "exports"
        self._reader: ArchiveReader | None = None
        self._fault = ""
        self._stored: StoredRollout | None = None
        self._record: TaskRecord | None = None
        self._executions: Sequence[str] = ()
        self._matches = 0
        self._match: int | None = None

    @property
    def shown(self) -> StoredRollout | None:
        """Rollout on the screen; None if it is no longer in the archive."""
        return self._stored

    def compose(self) -> ComposeResult:
        yield RowsView(id="about")
        yield PageView(id="page")
        yield KeysLine()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh(recompose=False))
        self.query_one(PageView).focus()
        self._read()

    def on_unmount(self) -> None:
        self._close_reader()

    def on_resize(self, _: events.Resize) -> None:
        self.call_after_refresh(self._draw)  # the page knows its new width only then

    # Actions ------------------------------------------------------------------------------------------------

    def action_close(self) -> None:
        self.dismiss(self._ids[self._at])

    def action_step(self, by: int) -> None:
        """Show a neighbour in the list; past an end, only tell the user."""
        at = self._at + by
        if not 0 <= at < len(self._ids):
            self.notify(f"this is the {'last' if by > 0 else 'first'} rollout in the list", timeout=2)
            return
        self._at = at
        self._read()
        self._draw()

    def action_match(self, by: int) -> None:
        """Go to the next match, after the last one to the first."""
        if not self._matches:
            self.notify("the query has no search text" if not self._texts else "no match in this answer", timeout=2)
            return
        before = -1 if self._match is None and by > 0 else self._match or 0
        self._match = (before + by) % self._matches
        self.query_one(PageView).show_match(self._match)
        self._draw_head()

    def action_copy(self) -> None:
        if self._stored is not None:
            copied = copy(self.app, self._stored.rollout.text, self._exports, f"{self._file_stem}-answer.md")
            self.notify(copied.message, severity="error" if copied.failed else "information", markup=False)

    def action_save(self) -> None:
        if self._stored is not None:
            saved = save(
                rollout_text(self._stored, self._record, self._executions), self._exports, f"{self._file_stem}.md"
            )
            self.notify(saved.message, severity="error" if saved.failed else "information", markup=False)

    # The rollout --------------------------------------------------------------------------------------------

    @property
    def _file_stem(self) -> str:
        stored = self._stored
        return f"step-{stored.step}-{stored.task}-{stored.rollout.role}-{stored.rollout.index}" if stored else ""

    def _read(self) -> None:
        id = self._ids[self._at]
        self._stored, self._record, self._executions = None, None, ()
        self._fault = ""
        try:
            if self._reader is None:
                self._reader = ArchiveReader(self._archive)
            self._stored = next(iter(self._reader.rollouts([id])), None)
            if self._stored is not None:
                self._record = self._reader.read_task(self._stored.step, self._stored.task)
                self._executions = self._reader.executions([id]).get(id, ())
        except RunError as error:
            self._close_reader()
            self._fault = str(error)
            self.notify(self._fault, severity="error", markup=False)

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _draw(self) -> None:
        view = self.query_one(PageView)
        self._match, self._matches = None, 0
        if self._stored is None:
            view.show(RolloutPage(((Span(one_column(self._fault) or GONE, "warning"),),), ()))
        else:
            # The last column is reserved for the scroll bar, so that its appearing does not wrap the lines anew.
            page = rollout_page(self._stored, self._record, max(1, self.size.width - 1), self._texts)
            self._matches = len(page.matches)
            view.show(page)
        view.scroll_to(y=0, animate=False)
        if self._matches:
            self.action_match(1)
        self._draw_head()

    def _draw_head(self) -> None:
        place = f"{self._at + 1:,} of {len(self._ids):,}"
        if self._texts and self._stored is not None:
            none = self._match is None
            place += "  no match" if none else f"  match {(self._match or 0) + 1} of {self._matches}"
        rows: Sequence[Row] = ((Span(place, "muted"),),)
        if self._stored is not None:
            rows = head_rows(self._stored, self._record, self._executions, place)
        self.query_one("#about", RowsView).show(rows)
