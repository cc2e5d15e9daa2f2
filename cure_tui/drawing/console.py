"""Console of Rich for foreign text: it styles what it prints, and lets no other escape sequence through."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from cure_tui.drawing.spans import printable_in_place


class PrintableConsole(Console):
    """Console whose own controls are the only ones. `file` is an unfiltered stream (see `cure_tui.terminal`)."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable_in_place(text), style, control)
