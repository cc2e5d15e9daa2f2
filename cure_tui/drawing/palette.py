"""Themes, and the colours of the style names of `spans` under each.

Status is never shown by colour alone: every widget pairs a style with a glyph. The series colours of `cure-safe` are
those of Okabe and Ito, which remain distinct under the common colour vision deficiencies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.theme import Theme

from cure_tui.drawing.spans import Row, fit, width
from engine.printable import printable

SERIES = 6
_DARK_SERIES = ("#5fafff", "#ffaf5f", "#87d787", "#ff87af", "#d7af5f", "#af87ff")
_LIGHT_SERIES = ("#005faf", "#af5f00", "#008700", "#af005f", "#875f00", "#5f00af")
_SAFE_SERIES = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00")

THEMES: Mapping[str, Theme] = {
    "cure-dark": Theme(
        "cure-dark", primary="#5fafff", secondary="#ffaf5f", accent="#87d787", background="#121212",
        surface="#1c1c1c", panel="#262626", success="#87d787", warning="#ffd75f", error="#ff5f5f", dark=True,
    ),
    "cure-light": Theme(
        "cure-light", primary="#005faf", secondary="#af5f00", accent="#008700", background="#ffffff",
        surface="#f4f4f4", panel="#e4e4e4", success="#008700", warning="#875f00", error="#af0000", dark=False,
    ),
    "cure-safe": Theme(
        "cure-safe", primary="#56b4e9", secondary="#e69f00", accent="#f0e442", background="#121212",
        surface="#1c1c1c", panel="#262626", success="#56b4e9", warning="#f0e442", error="#e69f00", dark=True,
    ),
}  # fmt: skip
DEFAULT_THEME = "cure-dark"


def _styles(series: Sequence[str], theme: Theme, text: str, muted: str) -> dict[str, Style]:
    named = {
        "": Style(),
        "text": Style(color=text),
        "muted": Style(color=muted),
        "axis": Style(color=muted),
        "title": Style(color=text, bold=True),
        "accent": Style(color=theme.primary, bold=True),
        "coder": Style(color=series[0]),
        "tester": Style(color=series[1]),
        "good": Style(color=theme.success),
        "bad": Style(color=theme.error),
        "unknown": Style(color=muted, dim=True),
        "warning": Style(color=theme.warning, bold=True),
        "error": Style(color=theme.error, bold=True),
        "cursor": Style(reverse=True, bold=True),
        "resting": Style(color=text, underline=True, bold=True),  # a cursor whose widget lacks the focus
        "match": Style(color=text, underline=True, bold=True),
    }
    named |= {f"series{number}": Style(color=colour) for number, colour in enumerate(series)}
    named |= {f"band{number}": Style(color=colour, dim=True) for number, colour in enumerate(series)}
    return named


@cache
def styles_of(theme: str) -> Mapping[str, Style]:
    """Return styles by name under `theme`; one of Textual's own themes gets the colours of cure-light or cure-dark."""
    if theme == "cure-safe":
        return _styles(_SAFE_SERIES, THEMES[theme], "#e4e4e4", "#8a8a8a")
    if theme == "cure-light" or theme.endswith("-light"):
        return _styles(_LIGHT_SERIES, THEMES["cure-light"], "#121212", "#6c6c6c")
    return _styles(_DARK_SERIES, THEMES["cure-dark"], "#e4e4e4", "#8a8a8a")


def to_strip(row: Row, columns: int, theme: str, base: Style | None = None) -> Strip:
    """Return the row as a strip of exactly `columns`, for a widget's `render_line`. `base`: the style beneath."""
    beneath = base or Style()
    styles = _styles_over(theme, beneath)
    exact = row if width(row) == columns else fit(row, columns)
    return Strip([Segment(printable(span.text), styles.get(span.style, beneath)) for span in exact], columns)


@lru_cache(64)
def _styles_over(theme: str, beneath: Style) -> Mapping[str, Style]:
    return {name: beneath + style for name, style in styles_of(theme).items()}
