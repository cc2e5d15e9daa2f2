"""Footer of a screen: the keys that are active now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.screen import Screen
from textual.strip import Strip

from cure_tui.dashboard.lines import LinesView

HELP = "toggle_help"
"""Action of the help key, which even the narrowest footer shows: help lists all other keys."""


@dataclass(frozen=True, slots=True)
class ShownKey:
    """Key and what it does. press: its name for Textual; label: its name for the user."""

    press: str
    label: str
    does: str
    action: str
    enabled: bool
    tooltip: str

    @property
    def columns(self) -> int:
        return len(self.label) + len(self.does) + 3


def _columns(keys: Sequence[ShownKey]) -> int:
    return sum(key.columns for key in keys)


class KeysLine(LinesView):
    """Footer with the look of Textual's, as one widget; a click on a key presses it.

    Textual's Footer creates one widget per key, anew whenever the keys change: a sixth of the time a run took to open.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "keys-line--key",
        "keys-line--description",
        "keys-line--edge",
        "keys-line--hover",
    }
    DEFAULT_CSS = """
    KeysLine {
        dock: bottom;
        height: 1;
        color: $footer-foreground;
        background: $footer-background;

        .keys-line--key {
            color: $footer-key-foreground;
            background: $footer-key-background;
            text-style: bold;
        }
        .keys-line--description {
            color: $footer-description-foreground;
            background: $footer-description-background;
        }
        .keys-line--edge { color: $foreground 20%; }
        .keys-line--hover { background: $block-hover-background; }
    }
    """

    def __init__(self, *, with_palette: bool = False) -> None:
        """Show the key of the command palette at the right end (`with_palette`) if there is room for it."""
        super().__init__()
        self._with_palette = with_palette
        self._keys: tuple[ShownKey, ...] = ()
        self._palette: ShownKey | None = None
        self._hovered: ShownKey | None = None

    @property
    def keys(self) -> tuple[ShownKey, ...]:
        """Keys that fit, from left to right."""
        left, right = self._arranged()
        return left if right is None else (*left, right)

    def _arranged(self) -> tuple[tuple[ShownKey, ...], ShownKey | None]:
        """Return the keys at the left, and the one at the right end.

        If not all fit, whole keys are left out and the help key takes the right end.
        """
        room = self.size.width
        if _columns(self._keys) <= room + 1:  # the last key's trailing blank may be cut off
            with_palette = self._palette is not None and _columns((*self._keys, self._palette)) + 1 <= room
            return self._keys, self._palette if with_palette else None
        last = next((key for key in self._keys if key.action == HELP), None)
        others = [key for key in self._keys if key is not last]
        room -= 0 if last is None else last.columns + 1
        count = len(others)
        while count and _columns(others[:count]) > room:
            count -= 1
        return tuple(others[:count]), last

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._look)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _look(self, screen: Screen[object]) -> None:
        if not self.is_attached or screen is not self.screen:
            return
        shown: dict[str, ShownKey] = {}  # by action: of several keys, the first one is shown
        palette = None
        for _, binding, enabled, tooltip in screen.active_bindings.values():
            label = self.app.get_key_display(binding)
            does = binding.description
            key = ShownKey(binding.key, label, does, binding.action, enabled, tooltip or does)
            if binding.key == self.app.COMMAND_PALETTE_BINDING:
                palette = key if self._with_palette else None
            elif binding.show:
                shown.setdefault(binding.action, key)
        if (tuple(shown.values()), palette) != (self._keys, self._palette):
            self._keys, self._palette = tuple(shown.values()), palette
            self._hovered = None
            self.refresh()

    def render_line(self, y: int) -> Strip:
        columns = self.size.width
        keys, last = self._arranged()
        left = Strip([segment for key in keys for segment in self._segments(key)])
        if last is None:
            return left.adjust_cell_length(columns, self.base)
        edge = Segment("▏", self.get_component_rich_style("keys-line--edge"))
        left = left.adjust_cell_length(max(0, columns - last.columns - 1), self.base)
        return Strip([*left, edge, *self._segments(last)]).adjust_cell_length(columns, self.base)

    def _segments(self, key: ShownKey) -> list[Segment]:
        names = ("keys-line--key", "keys-line--description")
        styles = [self.get_component_rich_style(name) for name in names]
        if not key.enabled:
            styles = [style + Style(dim=True) for style in styles]
        if key is self._hovered:
            background = Style(bgcolor=self.get_component_rich_style("keys-line--hover").bgcolor)
            styles = [style + background for style in styles]
        return [Segment(f" {key.label} ", styles[0]), Segment(f"{key.does} ", styles[1])]

    def _key_at(self, x: int) -> ShownKey | None:
        keys, last = self._arranged()
        if last is not None and x >= self.size.width - last.columns:
            return last
        end = 0
        for key in keys:
            end += key.columns
            if x < end:
                return key
        return None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self._hover(self._key_at(event.x))

    def on_leave(self) -> None:
        self._hover(None)

    def _hover(self, key: ShownKey | None) -> None:
        if key is not self._hovered:
            self._hovered = key
            self.tooltip = key.tooltip if key is not None else None
            self.styles.pointer = "pointer" if key is not None and key.enabled else "default"
            self.refresh()

    def on_click(self, event: events.Click) -> None:
        key = self._key_at(event.x)
        if key is None:
            return
        if key.enabled:
            self.app.simulate_key(key.press)
        else:
            self.app.bell()
