"""Base of the widgets that draw themselves line by line: rows of spans in the app's colours."""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cure_tui.drawing.palette import to_strip
from cure_tui.drawing.spans import Row


class LinesView(Widget):
    """Widget of Textual's line API; `strip` turns a row into the strip that `render_line` returns."""

    _base: Style | None = None

    @property
    def base(self) -> Style:
        """Style beneath every line. Cached for one picture: Textual combines it from all ancestors at every read."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def strip(self, row: Row) -> Strip:
        return to_strip(row, self.size.width, self.app.theme, self.base)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._base = None
        return super().render_lines(crop)
