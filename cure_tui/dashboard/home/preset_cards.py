"""Presets as cards: what each trains, whether it fits this machine, and what is missing if not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from cure_tui.drawing.palette import styles_of

if TYPE_CHECKING:
    from cure_tui.launch.presets import PresetEntry

_NEEDS_SHOWN = 2


class PresetList(OptionList):
    """List of presets, fitting ones first. A click selects, a second click starts: a stray one starts no training."""

    DEFAULT_CSS = """
    PresetList, PresetList:focus { border: none; padding: 0; height: 1fr; background: $background; }
    PresetList > .option-list--option-highlighted { background: $panel; color: $foreground; text-style: none; }
    PresetList:focus > .option-list--option-highlighted {
        background: $primary 35%; color: $foreground; text-style: none;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Start")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._entries: list[PresetEntry] = []
        self._brief = False

    def on_mount(self) -> None:  # Textual calls OptionList.on_mount as well
        self.watch(self.app, "theme", self._fill, init=False)

    @property
    def chosen(self) -> PresetEntry | None:
        return None if self.highlighted is None else self._entries[self.highlighted]

    def show(self, entries: Sequence[PresetEntry], *, brief: bool) -> None:
        """Show the presets. brief: at most three lines per card, for small terminals."""
        entries = sorted(entries, key=lambda entry: not entry.runs_here)
        if (entries, brief) != (self._entries, self._brief):
            self._entries, self._brief = entries, brief
            self._fill()

    def _fill(self) -> None:
        highlighted = self.highlighted or 0
        self.clear_options()
        self.add_options(
            Option(preset_card(entry, self.app.theme, brief=self._brief), id=entry.name) for entry in self._entries
        )
        if self._entries:
            self.highlighted = highlighted

    def on_click(self, event: events.Click) -> None:
        clicked = event.style.meta.get("option")
        if clicked is not None and clicked != self.highlighted:
            event.prevent_default()
            self.highlighted = clicked


def preset_card(entry: PresetEntry, theme: str, *, brief: bool = False) -> RenderableType:
    """Return the card: name, fit, description; for each missing requirement its remedy."""
    return Group(*_card(entry, theme, brief))


def _card(entry: PresetEntry, theme: str, brief: bool) -> Iterator[RenderableType]:
    styles = styles_of(theme)
    fits = entry.runs_here
    head = Text.assemble(
        (f"{'✔' if fits else '✘'} ", styles["good" if fits else "bad"]),
        (entry.name, styles["title"]),
        ("  fits this machine" if fits else "  does not fit this machine", styles["good" if fits else "warning"]),
    )
    if brief and not fits:
        head = Text.assemble(head[: len(entry.name) + 2], ("  does not fit: ", styles["warning"]))
        head.append(", ".join(missing.what for missing in entry.missing), styles["muted"])
        head.truncate(_BRIEF_COLUMNS, overflow="ellipsis")
    yield head
    yield Padding(Text(entry.description, styles["text"]), (0, 0, 0, 2))
    if brief:
        return
    for missing in entry.missing[:_NEEDS_SHOWN]:
        yield Padding(Text(f"- {missing.what}", styles["warning"]), (0, 0, 0, 2))
        yield Padding(Text(f"→ {missing.remedy}", styles["muted"]), (0, 0, 0, 4))
    if len(entry.missing) > _NEEDS_SHOWN:
        yield Padding(
            Text(f"and {len(entry.missing) - _NEEDS_SHOWN} more: cure-tui doctor", styles["muted"]), (0, 0, 0, 2)
        )
    yield Text("")


_BRIEF_COLUMNS = 74
