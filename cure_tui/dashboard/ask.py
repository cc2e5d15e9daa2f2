"""Question in a small window: a few answers, each with a key; Escape cancels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option


@dataclass(frozen=True)
class Choice:
    """Possible answer: its name for the caller, its key and its label."""

    name: str
    key: str
    text: str


class AskScreen(ModalScreen[str | None]):
    """Window with one question. Its result is the name of the chosen answer, or None if the user cancels."""

    DEFAULT_CSS = """
    AskScreen { align: center middle; }
    AskScreen > Vertical {
        width: 64; max-width: 95%; height: auto; max-height: 90%; padding: 1 2;
        background: $panel; border: round $primary;
    }
    AskScreen OptionList, AskScreen OptionList:focus { height: auto; margin-top: 1; border: none; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss_none", "Cancel")]

    def __init__(self, question: str, answers: Sequence[Choice]) -> None:
        super().__init__()
        self._question, self._answers = question, tuple(answers)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self._question, markup=False)
            yield OptionList(*(Option(f"{answer.key}  {answer.text}", id=answer.name) for answer in self._answers))

    def on_mount(self) -> None:
        for answer in self._answers:
            self._bindings.bind(answer.key, f"choose('{answer.name}')", answer.text)
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_choose(self, name: str) -> None:
        self.dismiss(name)

    def action_dismiss_none(self) -> None:
        self.dismiss(None)
