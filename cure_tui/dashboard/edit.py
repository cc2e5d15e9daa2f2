"""Small windows: type one value, checked with every key, or pick one of a few."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from cure_tui.drawing.palette import styles_of
from cure_tui.drawing.spans import one_column, printable

_WINDOW = """
    width: 72; max-width: 100%; height: auto; max-height: 100%; padding: 0 2;
    background: $panel; border: round $primary;
"""


@dataclass(frozen=True, slots=True)
class Field:
    """Value to be typed. about: its meaning and range; value: to begin with; fault: why a text cannot be it, or ""."""

    title: str
    about: str
    value: str
    fault: Callable[[str], str]
    good: str = "can be used"


class EditScreen(ModalScreen[str | None]):
    """Window with one line to type in. Its result is a value without a fault, or None if the user cancels."""

    DEFAULT_CSS = f"""
    EditScreen {{ align: center middle; }}
    EditScreen > Vertical {{ {_WINDOW} }}
    EditScreen Input, EditScreen Input:focus {{ margin: 1 0 0 0; height: 1; border: none; background: $surface; }}
    EditScreen #about {{ color: $text-muted; }}
    EditScreen #verdict {{ height: auto; min-height: 2; max-height: 6; }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._field = field
        self._fault = ""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self._field.title, markup=False)
            yield Static(printable(self._field.about, lines=True), id="about", markup=False)
            yield Input(self._field.value, id="value", select_on_focus=True)
            yield Static(id="verdict", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._judge(self._field.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._judge(event.value)

    def _judge(self, text: str) -> None:
        self._fault = self._field.fault(text)
        styles = styles_of(self.app.theme)
        said = Text(f"✔ {self._field.good}: Enter takes it, Escape leaves it as it was", styles["good"])
        if self._fault:
            said = Text(f"✘ {printable(self._fault)}", styles["error"])
        self.query_one("#verdict", Static).update(said)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._fault:
            self.app.bell()
        else:
            self.dismiss(event.value)

    def action_cancel(self) -> None:
        self.dismiss(None)


class PickScreen(ModalScreen[str | None]):
    """Window with a few values to choose from. Its result is one of them, or None if the user cancels."""

    DEFAULT_CSS = f"""
    PickScreen {{ align: center middle; }}
    PickScreen > Vertical {{ {_WINDOW} }}
    PickScreen OptionList, PickScreen OptionList:focus {{
        height: auto; max-height: 16; margin-top: 1; border: none; background: $panel;
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], value: str) -> None:
        """Show `choices`, each a value and its description; `value` is the one to begin with."""
        super().__init__()
        self._title, self._choices, self._value = title, tuple(choices), value

    def compose(self) -> ComposeResult:
        with Vertical():
            with VerticalScroll(can_focus=False):
                yield Static(printable(self._title, lines=True), markup=False)
            yield OptionList(*(Option(self._line(*choice)) for choice in self._choices))

    def _line(self, value: str, about: str) -> Text:
        styles = styles_of(self.app.theme)
        return Text.assemble((one_column(value) or "-", styles["title"]), (f"  {one_column(about)}", styles["muted"]))

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).styles.height = "auto"
        values = [value for value, _ in self._choices]
        listed = self.query_one(OptionList)
        listed.highlighted = values.index(self._value) if self._value in values else 0
        listed.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choices[event.option_index][0])

    def action_cancel(self) -> None:
        self.dismiss(None)
