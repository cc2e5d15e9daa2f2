"""Screen of one coder's answer as the model gave it: why it holds no program can be seen there alone."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from cure_tui.drawing.spans import printable
from engine.solve.events import MAX_ANSWER_CHARS, SolveState
from engine.solve.fates import words_of


class AnswerScreen(ModalScreen[None]):
    """Screen of the answer of one row, with the reason if it was rejected."""

    DEFAULT_CSS = """
    AnswerScreen #answer { width: 100%; height: 100%; background: $surface; border: round $primary; padding: 0 1; }
    AnswerScreen #text { height: 1fr; border-top: solid $primary 40%; scrollbar-size-vertical: 1; }
    AnswerScreen #keys { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "Close")]

    def __init__(self, state: SolveState, row: int) -> None:
        super().__init__()
        reason = state.rejected[row]
        self._title = f"p{row}: no program (answer {words_of(reason)})" if reason else f"p{row}"
        self._text = state.raw_answers[row] or state.sources[row]

    def compose(self) -> ComposeResult:
        shown = printable(self._text.expandtabs(4), lines=True)
        cut = f"\n… only {MAX_ANSWER_CHARS} characters were kept" if len(self._text) >= MAX_ANSWER_CHARS else ""
        with Vertical(id="answer"):
            yield Static(Text(self._title, "bold"))
            with VerticalScroll(id="text"):
                yield Static(Text(shown + cut if shown.strip() else "(the answer is empty)"))
            yield Static("↑↓ scroll   esc close", id="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#text").focus()
