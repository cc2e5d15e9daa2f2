"""Screen of a strategy's trail: costs by stage and part, votes, refused tests, and where programs come from."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from cure_tui.drawing.spans import printable
from cure_tui.solving.trail import trail_text
from engine.solve.events import SolveState

_FRAME_SECONDS = 1 / 4


class TrailScreen(ModalScreen[None]):
    """Screen of the trail of one problem, which goes on while it is open."""

    DEFAULT_CSS = """
    TrailScreen #trail { width: 100%; height: 100%; background: $surface; border: round $primary; padding: 0 1; }
    TrailScreen #text { height: 1fr; border-top: solid $primary 40%; scrollbar-size-vertical: 1; }
    TrailScreen #keys { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,t", "dismiss", "Close")]

    def __init__(self, state: SolveState) -> None:
        super().__init__()
        self._state = state
        self._drawn = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="trail"):
            yield Static(Text(printable(f"Trail of {self._state.id}"), "bold"))
            with VerticalScroll(id="text"):
                yield Static(id="all")
            yield Static("↑↓ scroll   esc close", id="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#text").focus()
        self._draw()
        self.set_interval(_FRAME_SECONDS, self._draw)

    def _draw(self) -> None:
        text = trail_text(self._state)
        if text != self._drawn:
            self._drawn = text
            self.query_one("#all", Static).update(Text(printable(text, lines=True)))
