"""The screen as a picture: SVG that asks nobody for anything."""

from __future__ import annotations

import re
from typing import Protocol

# Textual's picture asks a web site for its font; ours asks nobody, and takes what the reader has.
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Pictured(Protocol):
    """The part of a Textual App that can be drawn."""

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str: ...


def screen_svg(app: Pictured, title: str = "cure-tui") -> str:
    """What `app` shows at this moment."""
    return _FONT_FACE.sub("", app.export_screenshot(title=title))
