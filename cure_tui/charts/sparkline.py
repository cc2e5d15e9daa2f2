"""Sparkline: the shape of a curve on one line of a table, without axes."""

from __future__ import annotations

import numpy as np

from cure_tui.charts.series import HUGE, Floats, GlyphSet
from cure_tui.drawing.spans import Row, Span

# A blank for a gap, then lowest to highest. Braille has two points per cell: dots of the left one, then of the right.
_BLOCKS = " ▁▂▃▄▅▆▇█"
_TYPED = " _.-=+*#"
_LEFT_DOTS = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT_DOTS = (0x00, 0x80, 0xA0, 0xB0, 0xB8)


def sparkline(y: Floats, columns: int, glyphs: GlyphSet = GlyphSet.BRAILLE, style: str = "series0") -> Row:
    """Draw all of y [k] in `columns` columns, scaled from its lowest to its highest value.

    If there are more values than places, neighbours are averaged; if fewer, they fill places from the left. Gaps (not
    finite) are blank; a constant curve stands at half height.
    """
    if columns < 1:
        return ()
    y = np.asarray(y, dtype=np.float64)
    places = columns * 2 if glyphs is GlyphSet.BRAILLE else columns
    means = _means(np.where(np.abs(y) < HUGE, y, np.nan), places)
    levels = {GlyphSet.BRAILLE: 4, GlyphSet.BLOCK: len(_BLOCKS) - 1, GlyphSet.ASCII: len(_TYPED) - 1}[glyphs]
    level = np.zeros(places, dtype=int)
    seen = np.flatnonzero(~np.isnan(means))
    if seen.size:
        low, high = float(means[seen].min()), float(means[seen].max())
        share = (means[seen] - low) / (high - low) if high > low else np.full(seen.size, 0.5)
        level[seen] = 1 + np.rint(share * (levels - 1)).astype(int)
    if glyphs is GlyphSet.BRAILLE:
        pairs = zip(level[::2].tolist(), level[1::2].tolist(), strict=True)
        codes = [_LEFT_DOTS[left] | _RIGHT_DOTS[right] for left, right in pairs]
        text = "".join(chr(0x2800 + code) if code else " " for code in codes)
    else:
        signs = _BLOCKS if glyphs is GlyphSet.BLOCK else _TYPED
        text = "".join(signs[number] for number in level.tolist())
    return (Span(text, style),)


def _means(y: Floats, places: int) -> Floats:
    """Return the mean of the values that share a place, NaN for an empty place."""
    place = np.arange(len(y)) * places // len(y) if len(y) > places else np.arange(len(y))
    known = ~np.isnan(y)
    counts = np.bincount(place[known], minlength=places)
    sums = np.bincount(place[known], weights=y[known], minlength=places)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
