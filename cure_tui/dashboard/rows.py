"""Widget for a few rows of spans: headers, captions, lists without a cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Size
from textual.strip import Strip

from cure_tui.dashboard.lines import LinesView
from cure_tui.drawing.spans import Row, plain


class RowsView(LinesView):
    """View of the rows that `show` was given last, as high as they need. One widget, however many rows."""

    DEFAULT_CSS = "RowsView { height: auto; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: tuple[Row, ...] = ()

    @property
    def text(self) -> str:
        """Text of the rows, without styles."""
        return plain(self._rows)

    def show(self, rows: Sequence[Row]) -> None:
        fresh = tuple(rows)
        if fresh == self._rows:
            return
        same_height = len(fresh) == len(self._rows)
        self._rows = fresh
        self.refresh(layout=not same_height)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows)

    def render_line(self, y: int) -> Strip:
        return self.strip(self._rows[y] if y < len(self._rows) else ())
