"""Start dialog: a list of what can be changed above what the run will take; every change is checked at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from cure_tui.dashboard.background import background, in_app
from cure_tui.dashboard.edit import EditScreen, Field, PickScreen
from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.start.picture import (
    KEYS,
    NAME,
    NOTHING,
    PRESET,
    SETTINGS,
    START,
    VARIANT,
    Line,
    lines_of,
    report_text,
    row_text,
)
from cure_tui.dashboard.start.settings import SettingsScreen, changed, editor
from cure_tui.launch.draft import Checked, Draft, check
from engine.config.settings import setting_named
from engine.presets import list_presets


class FieldList(OptionList):
    """List of the dialog's lines; its keys are the screen's."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Choose")]


class StartScreen(ModalScreen[Draft | None]):
    """Dialog on a new run. Its result is the draft to start, or None if the user starts nothing."""

    DEFAULT_CSS = """
    StartScreen { background: $background; }
    StartScreen > Vertical { width: 100%; height: 1fr; padding: 0 1; background: $panel; }
    StartScreen FieldList, StartScreen FieldList:focus {
        height: auto; max-height: 60%; padding: 0; border: none; background: $panel;
    }
    StartScreen .title { color: $primary; text-style: bold; }
    StartScreen #report { height: 1fr; margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "line('start')", "Start"),
        Binding("n,escape", "nothing", "Start nothing", key_display="n"),
        Binding("left", "turn(-1)", "Other preset or variant", show=False),
        Binding("right", "turn(1)", "Other preset or variant", key_display="←→"),
        *(Binding(key, f"line('{name}')", f"Change {label}", show=False) for name, (key, label) in KEYS.items()),
        Binding("delete", "reset", "As the preset"),
        Binding("pagedown", "scroll(1)", "Scroll the report", show=False),
        Binding("pageup", "scroll(-1)", "Scroll the report", show=False),
    ]

    def __init__(self, checked: Checked) -> None:
        """Open the dialog on a draft that was checked."""
        super().__init__()
        self._checked, self._draft = checked, checked.draft
        self._lines: list[Line] = []
        self._wanted = False  # the user has said yes while the check of the last change is under way

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("New run: Enter changes a line, y starts it, PgUp and PgDn scroll", classes="title")
            yield FieldList(id="fields")
            with VerticalScroll(id="report", can_focus=False):
                yield Static(id="text", markup=False)
        yield KeysLine()

    def on_mount(self) -> None:
        self._show()
        fields = self.query_one(FieldList)
        question = self._checked.question
        fields.highlighted = 0 if self._checked.may_start and question and not question.beside else 1
        fields.focus()

    @property
    def checked(self) -> Checked | None:
        """Check of the draft as it is; None while it is under way."""
        return self._checked if self._checked.draft == self._draft else None

    # What is shown ------------------------------------------------------------------------------------------

    def _show(self) -> None:
        fields = self.query_one(FieldList)
        at = fields.highlighted
        self._lines = list(lines_of(self._draft, self._checked, is_checked=self.checked is not None))
        fields.clear_options()
        fields.add_options(Option(row_text(line, self.app.theme), id=line.name) for line in self._lines)
        if at is not None:
            fields.highlighted = min(at, len(self._lines) - 1)
        self.query_one("#text", Static).update(report_text(self._checked, self.app.theme))

    @background("check", exclusive=True)
    def _check(self, draft: Draft) -> None:
        in_app(self, self._take, check(draft))

    def _take(self, checked: Checked) -> None:
        if checked.draft != self._draft:
            return  # changed once more
        before, self._checked = self._checked, checked
        self._show()
        # A warning that has not been on the screen yet is read before anything starts.
        warned, was_warned = (each.question is not None and each.question.beside for each in (checked, before))
        if self._wanted and (was_warned or not warned):
            self._start()
        self._wanted = False

    def _change(self, draft: Draft) -> None:
        if draft != self._draft:
            self._draft, self._wanted = draft, False
            self._show()
            self._check(draft)

    @background("presets", exclusive=True)
    def _offer_presets(self) -> None:
        """Let the user choose a preset; whether each fits this machine takes a fraction of a second to find out."""
        from cure_tui.launch.presets import preset_entries
        from engine.machine.home import runs_home
        from engine.machine.probe import probe_machine

        entries = sorted(preset_entries(probe_machine(runs_home())), key=lambda entry: not entry.runs_here)
        fits = ("does not fit", "fits this machine")
        choices = [(each.name, f"{fits[each.runs_here]}: {each.description}") for each in entries]
        in_app(self, self._pick_preset, choices)

    def _pick_preset(self, choices: list[tuple[str, str]]) -> None:
        if self.is_current:
            self.app.push_screen(PickScreen("Preset", choices, self._draft.preset), self._take_preset)

    # What the user chooses ----------------------------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_line(event.option_id or "")

    def action_line(self, name: str) -> None:
        """Do what the line stands for."""
        self.query_one(FieldList).highlighted = next(
            (at for at, line in enumerate(self._lines) if line.name == name), None
        )
        base = self._checked.base
        if name == START:
            self._start()
        elif name == NOTHING:
            self.action_nothing()
        elif name == PRESET:
            self._offer_presets()
        elif name == VARIANT:
            self._pick_variant()
        elif name == NAME:
            self._edit_name()
        elif base is None:
            self.notify("the preset's settings cannot be read: choose another preset", severity="warning")
        elif name == SETTINGS:
            self.app.push_screen(SettingsScreen(self._draft, base), self._take_draft)
        else:
            self.app.push_screen(editor(setting_named(name), self._draft, base), self._taker(name))

    def _start(self) -> None:
        checked = self.checked
        if checked is None:
            self._wanted = True
        elif checked.may_start:
            self.dismiss(self._draft)
        else:
            self.notify(str(checked.refusals[0]), severity="warning", timeout=12, markup=False)

    def action_nothing(self) -> None:
        self.dismiss(None)

    def _take_draft(self, draft: Draft | None) -> None:
        if draft is not None:
            self._change(draft)

    def _taker(self, name: str) -> Callable[[str | None], None]:
        def take(text: str | None) -> None:
            base = self._checked.base
            if text is not None and base is not None:
                self._change(changed(self._draft, setting_named(name), text, base))

        return take

    def _take_preset(self, preset: str | None) -> None:
        if preset is not None and preset != self._draft.preset:
            self._change(self._draft.with_preset(preset))

    def _take_variant(self, variant: str | None) -> None:
        if variant is not None:
            self._change(replace(self._draft, variant=variant))

    def _pick_variant(self) -> None:
        variants = self._draft.variants()
        if not variants:
            self.notify(f"{self._draft.preset} has no variants", timeout=3, markup=False)
            return
        choices = [("", "the one for this machine"), *((each, f"for a GPU of {each} GB") for each in variants)]
        self.app.push_screen(PickScreen("Variant of the preset", choices, self._draft.variant), self._take_variant)

    def _edit_name(self) -> None:
        def take(name: str | None) -> None:
            if name is not None:
                self._change(replace(self._draft, name=name.strip()))

        about = "Name of the run, for lists and commands.\nNothing typed = the preset's name and the time"
        field = Field("name", about, self._draft.name, lambda name: self._draft.fault_of_name(name.strip()))
        self.app.push_screen(EditScreen(field), take)

    def action_turn(self, by: int) -> None:
        """Choose the next preset or variant while the cursor is on that line."""
        at = self.query_one(FieldList).highlighted
        name = self._lines[at].name if at is not None else ""
        if name == PRESET:
            self._take_preset(_next(list(list_presets()), self._draft.preset, by))
        elif name == VARIANT and (variants := self._draft.variants()):
            self._take_variant(_next(["", *variants], self._draft.variant, by))

    def action_reset(self) -> None:
        at = self.query_one(FieldList).highlighted
        name = self._lines[at].name if at is not None else ""
        if name == NAME:
            self._change(replace(self._draft, name=""))
        elif name in self._draft.changes:
            self._change(self._draft.with_change(name, ""))

    def action_scroll(self, by: int) -> None:
        self.query_one("#report", VerticalScroll).scroll_relative(y=by * 4, animate=False)


def _next(values: list[str], value: str, by: int) -> str:
    return values[(values.index(value) + by) % len(values)] if value in values else values[0]
