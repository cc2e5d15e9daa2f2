"""The keys of the moment, in the last line of a screen."""

from __future__ import annotations

from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Footer


class KeysLine(Footer):
    """Textual's footer, which is made anew only when it has something else to show.

    Footer itself does so whenever a screen looks at its bindings: five times while the home screen opens, where three
    have something new to show, each time for some 20 ms.
    """

    def __init__(self, *, show_command_palette: bool = False) -> None:
        super().__init__(show_command_palette=show_command_palette)
        self._shown: list[tuple[Binding, bool, str]] | None = None

    def bindings_changed(self, screen: Screen[object]) -> None:
        if not (screen.app.app_focus and self.is_attached and screen is self.screen):
            return  # Footer does nothing either: there is a next time, when this screen is looked at again
        active = screen.active_bindings.values()
        shown = [(key.binding, key.enabled, key.tooltip) for key in active if key.binding.show]
        if shown != self._shown:
            self._shown = shown
            super().bindings_changed(screen)
