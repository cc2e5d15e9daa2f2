"""What widgets that draw themselves line by line have in common: rows of spans in the app's colours."""

from __future__ import annotations

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cure_tui.drawing.palette import to_strip
from cure_tui.drawing.spans import Row


class LinesView(Widget):
    """A widget of the line API; `strip` turns a row into what `render_line` returns."""

    _base: Style | None = None

    @property
    def base(self) -> Style:
        """What lies beneath every line. Asked once a picture, not once a line: all ancestors have a say in it."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def strip(self, row: Row) -> Strip:
        return to_strip(row, self.size.width, self.app.theme, self.base)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._base = None
        return super().render_lines(crop)
