"""List of all settings of a run: found by words, each with its value, its range and its meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from cure_tui.dashboard.edit import EditScreen, Field, PickScreen
from cure_tui.drawing.palette import styles_of
from cure_tui.drawing.spans import one_column
from cure_tui.launch.draft import Draft, offered_settings, shown_value
from engine.config import RunConfig
from engine.config.settings import Setting

_NAME_COLUMNS = 30


class SettingsScreen(ModalScreen[Draft]):
    """Window of all settings. Its result is the draft with the changes made in it."""

    DEFAULT_CSS = """
    SettingsScreen > Vertical { width: 100%; height: 100%; padding: 0 1; background: $panel; }
    SettingsScreen Input, SettingsScreen Input:focus { height: 1; border: none; background: $surface; }
    SettingsScreen OptionList, SettingsScreen OptionList:focus { height: 1fr; border: none; background: $panel; }
    SettingsScreen #meaning { height: 4; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("pagedown", "move(10)", "Page down", show=False, priority=True),
        Binding("pageup", "move(-10)", "Page up", show=False, priority=True),
        Binding("ctrl+r", "reset", "As the preset"),
        Binding("escape", "done", "Done"),
    ]

    def __init__(self, draft: Draft, base: RunConfig) -> None:
        """Show the settings of `draft`; base: those of its preset without the changes."""
        super().__init__()
        self._draft, self._base = draft, base
        self._listed: list[Setting] = []

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static("Any setting: words find it, Enter changes it, Ctrl+R takes a change back, Escape is done")
            yield Input(placeholder="words of its name or meaning, such as: learning rate", id="words")
            yield OptionList(id="listed")
            yield Static(id="meaning", markup=False)

    def on_mount(self) -> None:
        self.query_one("#listed", OptionList).can_focus = False  # the line of words keeps the focus
        self.query_one(Input).focus()
        self._fill()

    @property
    def _chosen(self) -> Setting | None:
        at = self.query_one("#listed", OptionList).highlighted
        return self._listed[at] if at is not None and at < len(self._listed) else None

    def _fill(self) -> None:
        chosen = self._chosen
        words = self.query_one(Input).value.casefold().split()
        self._listed = [each for each in offered_settings() if _holds(each, words)]
        listed = self.query_one("#listed", OptionList)
        listed.clear_options()
        listed.add_options(Option(self._line(each)) for each in self._listed)
        if self._listed:
            listed.highlighted = self._listed.index(chosen) if chosen in self._listed else 0
        self._show_meaning()

    def _line(self, setting: Setting) -> Text:
        styles = styles_of(self.app.theme)
        changed = setting.name in self._draft.changes
        value = self._draft.changes.get(setting.name, "") if changed else shown_value(setting, self._base)
        was = f"  (preset: {one_column(shown_value(setting, self._base))})" if changed else ""
        return Text.assemble(
            (f"{'*' if changed else ' '} {setting.name:<{_NAME_COLUMNS}} ", styles["title" if changed else "text"]),
            (one_column(value) or "-", styles["warning" if changed else "text"]),
            (was, styles["muted"]),
            no_wrap=True,
            overflow="ellipsis",
        )

    def _show_meaning(self) -> None:
        setting = self._chosen
        said = f"{setting.meaning}\n{setting.allowed}" if setting else "no setting has these words"
        self.query_one("#meaning", Static).update(said)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._fill()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._edit()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show_meaning()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._edit()

    def _edit(self) -> None:
        setting = self._chosen
        if setting is not None:
            self.app.push_screen(editor(setting, self._draft, self._base), self._taker(setting))

    def _taker(self, setting: Setting) -> Callable[[str | None], None]:
        def take(text: str | None) -> None:
            if text is not None:
                self._draft = changed(self._draft, setting, text, self._base)
                self._fill()

        return take

    def action_move(self, by: int) -> None:
        listed = self.query_one("#listed", OptionList)
        if self._listed:
            listed.highlighted = min(max((listed.highlighted or 0) + by, 0), len(self._listed) - 1)

    def action_reset(self) -> None:
        if self._chosen is not None:
            self._draft = self._draft.with_change(self._chosen.name, "")
            self._fill()

    def action_done(self) -> None:
        self.dismiss(self._draft)


def editor(setting: Setting, draft: Draft, base: RunConfig) -> EditScreen | PickScreen:
    """Return the window that changes a setting: its choices if it has some, else a line to type in."""
    preset = shown_value(setting, base)
    value = _typed(setting, draft, base)
    if setting.choices:
        title = f"{setting.name}: {setting.meaning}"
        return PickScreen(
            title, [(each, "as in the preset" if each == preset else "") for each in setting.choices], value
        )
    about = f"{setting.meaning}\n{setting.allowed}; preset: {preset or 'empty'}; nothing typed = as the preset"
    return EditScreen(Field(setting.name, about, value, lambda text: draft.fault_of(setting.name, text)))


def changed(draft: Draft, setting: Setting, text: str, base: RunConfig) -> Draft:
    """Return the draft with the typed value; the preset's own value is no change."""
    return draft.with_change(setting.name, "" if text.strip() == shown_value(setting, base) else text)


def _typed(setting: Setting, draft: Draft, base: RunConfig) -> str:
    """Return the value as the user would type it."""
    if setting.name not in draft.changes:
        return shown_value(setting, base)
    return draft.typed(setting.name)


def _holds(setting: Setting, words: list[str]) -> bool:
    text = f"{setting.name} {setting.name.replace('_', ' ')} {setting.meaning}".casefold()
    return all(word in text for word in words)
