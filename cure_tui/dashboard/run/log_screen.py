"""Screen of engine.log, the engine's own output: it follows the file, wraps its lines and searches them."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input

from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.log_layout import LogLayout, Place
from cure_tui.drawing.palette import to_strip
from cure_tui.drawing.spans import Span, one_column
from cure_tui.runs.engine_log import EngineLog
from engine.errors import CureError

POLL_SECONDS = 0.5
_SIDEWAYS = 16
_EMPTY = "engine.log is empty: the engine has printed nothing so far"


class LogView(ScrollView, can_focus=True):
    """View of a log; draws only the visible rows. It follows the end until the user scrolls up."""

    DEFAULT_CSS = "LogView { height: 1fr; width: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "A page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "A page down", show=False),
        Binding("home,g", "first", "First line", show=False),
        Binding("end,G,f", "follow", "Follow", key_display="f"),
        Binding("left,h", "sideways(-1)", "Left", show=False),
        Binding("right,l", "sideways(1)", "Right", show=False),
        Binding("w", "wrap", "Wrap"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.layout_of_log = LogLayout()
        self.follows = True
        self.current: Place | None = None
        self._begin = 0

    def take(self, lines: list[str], kept: int) -> None:
        """Take the lines of the log, of which the first `kept` are known already."""
        self.layout_of_log.take(lines, kept)
        self._laid_out()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh())

    def on_resize(self) -> None:
        top = self._top()
        self.layout_of_log.set_width(self.size.width)
        self._laid_out(top)

    def render_line(self, y: int) -> Strip:
        layout, number = self.layout_of_log, self.scroll_offset.y + y
        if number < len(layout.rows):
            row = layout.row(number, self.current, 0 if layout.wraps else self._begin)
        else:
            row = (Span(_EMPTY, "muted"),) if not layout.lines and y == 0 else ()
        return to_strip(row, self.size.width, self.app.theme, self.rich_style)

    def _top(self) -> Place | None:
        """Return the place in the first visible row."""
        rows = self.layout_of_log.rows
        return rows[self.scroll_offset.y] if self.scroll_offset.y < len(rows) else None

    def _laid_out(self, top: Place | None = None) -> None:
        """Show the new layout: its end while following it, else the same place as before."""
        self.virtual_size = Size(self.size.width, len(self.layout_of_log.rows))
        if self.follows:
            self.scroll_to(y=self._last_top, animate=False)
        elif top is not None:
            self.scroll_to(y=self.layout_of_log.row_of(top), animate=False)
        self.refresh()

    @property
    def _last_top(self) -> int:
        return max(0, len(self.layout_of_log.rows) - self.size.height)

    # Keys ---------------------------------------------------------------------------------------------------

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Stop following when the user scrolls up, by keys or by the wheel; go on at the end."""
        super().watch_scroll_y(old, new)
        if new < old and new < self._last_top:
            self.follows = False
        elif new >= self._last_top:
            self.follows = True

    def action_move(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False)

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_follow(self) -> None:
        self.follows = True
        self.scroll_to(y=self._last_top, animate=False)

    def action_wrap(self) -> None:
        top = self._top()
        self._begin = 0
        self.layout_of_log.wrap(wraps=not self.layout_of_log.wraps)
        self._laid_out(top)

    def action_sideways(self, by: int) -> None:
        """Move along lines that are not wrapped."""
        longest = max(map(len, self.layout_of_log.lines), default=0)
        most = max(0, longest - self.size.width)
        self._begin = min(max(0, self._begin + by * _SIDEWAYS), most)
        self.refresh()

    # Search -------------------------------------------------------------------------------------------------

    def search(self, words: str) -> None:
        """Mark the words, and go to their last place."""
        self.layout_of_log.search(words)
        self.current = None
        self.go_to_match(1)

    def go_to_match(self, by: int) -> None:
        found = self.layout_of_log.next_match(self.current, by)
        self.current = found
        if found is not None:
            row = self.layout_of_log.row_of(found)
            if not self.scroll_offset.y <= row < self.scroll_offset.y + self.size.height:
                self.scroll_to(y=max(0, row - self.size.height // 2), animate=False)
            if not self.layout_of_log.wraps and not self._begin <= found.at < self._begin + self.size.width:
                self._begin = max(0, found.at - self.size.width // 2)
        self.refresh()


class EngineLogScreen(Screen[None]):
    """Screen of the engine.log of a run."""

    DEFAULT_CSS = """
    EngineLogScreen #about { background: $panel; height: 1; padding: 0 1; }
    EngineLogScreen Input, EngineLogScreen Input:focus { height: 1; border: none; padding: 0 1; background: $surface; }
    EngineLogScreen Input { display: none; }
    EngineLogScreen Input.-open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "type", "Search"),
        Binding("n", "match(-1)", "Earlier match"),
        Binding("N", "match(1)", "Later match", key_display="N", show=False),
        Binding("escape", "leave", "Back"),
    ]

    def __init__(self, run_dir: Path) -> None:
        super().__init__()
        self._log = EngineLog(run_dir)
        self._fault = ""

    def compose(self) -> ComposeResult:
        yield RowsView(id="about")
        yield LogView(id="log")
        yield Input(placeholder="words to look for; Enter goes to the last place, Esc ends the search")
        yield KeysLine()

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    def on_mount(self) -> None:
        self.view.focus()
        self._poll()
        self.set_interval(POLL_SECONDS, self._poll)

    def _poll(self) -> None:
        try:
            kept = self._log.poll()
        except CureError as error:
            self._fault = str(error)
        else:
            self._fault = ""
            if kept is not None:
                self.view.take(self._log.lines, kept)
        self._describe()

    def _describe(self) -> None:
        """Say which file it is, whether the view follows it, and which match is shown."""
        layout = self.view.layout_of_log
        parts = [f"engine.log, {len(layout.lines):,} lines{', older ones are in the file' * self._log.left_out}"]
        parts.append("following" if self.view.follows else "f follows")
        if layout.words:
            parts.append(f'"{layout.words}": {self._match_text()}')
        text, style = (self._fault, "error") if self._fault else ("  ".join(parts), "muted")
        self.query_one("#about", RowsView).show([(Span(one_column(text), style),)])

    def _match_text(self) -> str:
        layout, current = self.view.layout_of_log, self.view.current
        if not layout.matches:
            return "not found"
        return f"{layout.matches.index(current) + 1} of {len(layout.matches)}" if current in layout.matches else ""

    # Actions ------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "match" or bool(self.view.layout_of_log.words)

    def action_type(self) -> None:
        line = self.query_one(Input)
        line.add_class("-open")
        line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._search(event.value)

    def _search(self, words: str) -> None:
        self.query_one(Input).remove_class("-open")
        self.view.focus()
        self.view.search(words)
        self.refresh_bindings()
        self._describe()

    def action_match(self, by: int) -> None:
        self.view.go_to_match(by)
        self._describe()

    def action_leave(self) -> None:
        """End a search; without one, return to the run."""
        if self.query_one(Input).has_class("-open") or self.view.layout_of_log.words:
            self.query_one(Input).value = ""
            self._search("")
        else:
            self.dismiss()
