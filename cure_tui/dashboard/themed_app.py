"""Base of the full-screen apps: the project's colours, no controls in any text, ASCII letters without Unicode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rich.segment import Segment
from textual.app import App
from textual.binding import Binding
from textual.color import Color
from textual.filter import LineFilter

from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.palette import DEFAULT_THEME, THEMES
from cure_tui.drawing.spans import printable_in_place
from engine.printable import printable

_Result = TypeVar("_Result")


class PrintableOnly(LineFilter):
    """Filter that removes control characters from every line just before it is sent, whichever widget drew it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if "".join([text for text, _, _ in segments]).isprintable():
            return segments
        return [
            Segment(text if control else printable_in_place(text), style, control) for text, style, control in segments
        ]


class AsciiOnly(LineFilter):
    """Filter that turns every line of the screen into ASCII just before it is sent, Textual's own frames included."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]


class ThemedApp(App[_Result]):
    """App that chooses colours and glyphs for all that its widgets draw."""

    # Textual draws the line under the cursor on the colour in which these lists draw keys and titles.
    CSS = """
    OptionList > .option-list--option-highlighted { background: $panel; color: $foreground; text-style: bold; }
    OptionList:focus > .option-list--option-highlighted {
        background: $primary 35%; color: $foreground; text-style: bold;
    }
    """

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.ascii_only = ascii_only
        self._own_filters = [PrintableOnly(), *([AsciiOnly()] if ascii_only else [])]
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = DEFAULT_THEME

    @property
    def crash(self) -> Exception | None:
        """First exception that ended the app."""
        return self._exception

    def _print_error_renderables(self) -> None:
        """Leave Textual's traceback out: `result_of` writes it into a file and ends with one line."""
        self._exit_renderables.clear()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy text without control characters: ESC [201~ in it would end a paste, and what follows would be typed."""
        super().copy_to_clipboard(printable(text, keep="\n\t"))

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._own_filters]

    def get_key_display(self, binding: Binding) -> str:
        """Return a key as it is shown: by its name where its sign is a glyph that the terminal does not draw."""
        shown = super().get_key_display(binding)
        return binding.key if self.ascii_only and not shown.isascii() else shown
