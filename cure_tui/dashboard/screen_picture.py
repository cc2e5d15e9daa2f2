"""Picture of the screen: a self-contained SVG that loads nothing from the network."""

from __future__ import annotations

import re
from typing import Protocol

# Textual's SVG loads its font from a web site; without this rule the viewer uses a local monospace font.
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Pictured(Protocol):
    """Part of a Textual App that draws a screenshot."""

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str: ...


def screen_svg(app: Pictured, title: str = "cure-tui") -> str:
    """Return the current screen of `app` as SVG."""
    return _FONT_FACE.sub("", app.export_screenshot(title=title))
