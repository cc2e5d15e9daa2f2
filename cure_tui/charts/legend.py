"""Header above a plot: title and legend, on one line if they fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cure_tui.charts.series import GlyphSet
from cure_tui.drawing.spans import Row, Span, fit, one_column, width

_MARKERS = "●▲■◆○△□◇"
_LETTERS = "*+ox#@%&"
BEST, BEST_LETTER = "★", "^"
"""Mark on the best point of a line."""
_APART = "  "
_SHORTEST_NAME = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One series in the legend. Its `marker`, unless empty, also stands on its line."""

    marker: str
    style: str
    name: str
    value: str = ""


def marker_of(number: int, glyphs: GlyphSet) -> str:
    """Return the marker of a series by its number: its shape, not colour alone, tells it from the others."""
    markers = _LETTERS if glyphs is GlyphSet.ASCII else _MARKERS
    return markers[number % len(markers)]


def clean(text: str, glyphs: GlyphSet) -> str:
    """Replace characters that do not take exactly one column or that the glyph set lacks."""
    text = one_column(text)
    return text.encode("ascii", "replace").decode() if glyphs is GlyphSet.ASCII else text


def shorten(text: str, columns: int, glyphs: GlyphSet) -> str:
    """Cut the text to `columns`, with an ellipsis at the cut."""
    if len(text) <= columns:
        return text
    sign = "~" if glyphs is GlyphSet.ASCII else "…"
    return text[: columns - 1] + sign if columns > 0 else ""


def header(title: str, entries: Sequence[Entry], columns: int, lines: int, glyphs: GlyphSet) -> tuple[Row, ...]:
    """Return title and legend on at most `lines` (0 to 2) rows, each `columns` wide; no row if both are empty."""
    title = clean(title, glyphs)
    entries = [replace(entry, name=clean(entry.name, glyphs)) for entry in entries]
    if lines < 1 or not (title or entries):
        return ()
    legend = _legend(entries)
    if len(title) + len(_APART) * bool(title) + width(legend) <= columns:
        return (_one_line(title, legend, columns),)
    if lines > 1 and title:
        legend = _squeezed(entries, columns, glyphs)
        return fit((Span(shorten(title, columns, glyphs), "title"),), columns), fit(legend, columns)
    kept = shorten(title, max(columns // 2, columns - width(legend) - len(_APART)), glyphs)
    room = columns - len(kept) - len(_APART) * bool(kept)
    legend = _squeezed(entries, room, glyphs)
    if not legend:
        kept = shorten(title, columns, glyphs)
    return (_one_line(kept, legend, columns),)


def _one_line(title: str, legend: Row, columns: int) -> Row:
    middle = " " * max(0, columns - len(title) - width(legend))
    return fit((Span(title, "title"), Span(middle), *legend), columns)


def _legend(entries: Sequence[Entry]) -> Row:
    """Return marker, name and value of each entry; an empty part leaves no blank."""
    spans: list[Span] = []
    for entry in entries:
        named = " ".join(part for part in (entry.marker, entry.name) if part)
        value = f" {entry.value}" if named and entry.value else entry.value
        spans += [Span(_APART if spans else ""), Span(named, entry.style), Span(value, "text")]
    return tuple(span for span in spans if span.text)


def _squeezed(entries: Sequence[Entry], columns: int, glyphs: GlyphSet) -> Row:
    """Fit the legend into `columns`: shorten all names alike, then drop values, names, and last whole entries ("+3").

    Names outlast values: a value can be read off the axis, but a line without a name means nothing.
    """
    legend = _legend(entries)
    if not legend or width(legend) <= columns:
        return legend
    longest = max(len(entry.name) for entry in entries)
    lengths = range(longest, _SHORTEST_NAME - 1, -1)
    without_values = [replace(entry, value="") for entry in entries] if any(entry.marker for entry in entries) else []
    tries = [(entries, letters) for letters in lengths] + [(without_values, letters) for letters in lengths]
    for some, letters in (*tries, (entries, 0)):
        legend = _legend([replace(entry, name=shorten(entry.name, letters, glyphs)) for entry in some])
        if legend and width(legend) <= columns:
            return legend
    bare = [replace(entry, name="") for entry in entries if entry.marker]
    for kept in range(len(bare) - 1, 0, -1):
        legend = (*_legend(bare[:kept]), Span(f" +{len(bare) - kept}", "muted"))
        if width(legend) <= columns:
            return legend
    return ()
