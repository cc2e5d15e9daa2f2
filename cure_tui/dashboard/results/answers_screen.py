"""Screen of all answers of a run's evaluations, searched and opened as rollouts are."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.messages import OpenRollout
from cure_tui.dashboard.rollouts.pane import RolloutsPane
from cure_tui.dashboard.rollouts.screen import RolloutScreen
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.spans import Span, one_column
from cure_tui.runs.archive_view import ArchiveView


class AnswersScreen(Screen[None]):
    """Screen of an archive of evaluations; a step there is that of the policy. The reward is 1 for a right answer."""

    DEFAULT_CSS = """
    AnswersScreen #title { background: $panel; padding: 0 1; }
    AnswersScreen RolloutsPane { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.pop_screen", "Back")]

    def __init__(self, path: Path, query: str, title: str) -> None:
        """Show the archive at `path`, at first what `query` finds."""
        super().__init__()
        self._view, self._query, self._title = ArchiveView(path), query, title

    def compose(self) -> ComposeResult:
        yield RowsView(id="title")
        yield RolloutsPane(self._view, id="answers")
        yield KeysLine()

    def on_mount(self) -> None:
        said = f"{self._title}; reward 1 = right, step = the policy's"
        self.query_one("#title", RowsView).show([(Span(one_column(said), "muted"),)])
        self.query_one(RolloutsPane).search(self._query)

    def on_unmount(self) -> None:
        self._view.close()

    def on_open_rollout(self, event: OpenRollout) -> None:
        event.stop()
        self.app.push_screen(RolloutScreen(self._view.path, event.ids, event.at, event.texts), event.closed)
