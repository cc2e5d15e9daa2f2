"""Canvas of a plot: dots painted layer by layer, then converted to rows of characters in the chosen glyphs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from cure_tui.charts.rounding import nearest
from cure_tui.charts.series import GlyphSet
from cure_tui.charts.trace import Extent
from cure_tui.drawing.spans import Row, Span

CELL: Mapping[GlyphSet, tuple[int, int]] = {GlyphSet.BRAILLE: (2, 4), GlyphSet.BLOCK: (2, 2), GlyphSet.ASCII: (1, 1)}
"""Dots of one cell: across, down."""


class Fill(Enum):
    """Density of dots: bands are sparser than lines, so that they also differ without colour.

    RAW draws half of the inner dots and both ends, so that the extremes of raw points show. ASCII letters are never
    thinned.
    """

    SOLID = "solid"
    RAW = "raw"
    HALF = "half"
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True)
class Brush:
    """Style and density of a drawn extent. `letter` replaces the dots in the ASCII glyph set."""

    style: str
    letter: str
    fill: Fill = Fill.SOLID


def _braille() -> npt.NDArray[np.uint32]:
    """Return code points by dots, the left column's four in the low bits; Unicode puts the lowest two dots last."""
    bit_of_dot = (0, 1, 2, 6, 3, 4, 5, 7)
    patterns = [sum(1 << bit for dot, bit in enumerate(bit_of_dot) if dots >> dot & 1) for dots in range(256)]
    return np.array([ord(" "), *(0x2800 + pattern for pattern in patterns[1:])], dtype=np.uint32)


_CODES: Mapping[GlyphSet, npt.NDArray[np.uint32]] = {
    GlyphSet.BRAILLE: _braille(),
    GlyphSet.BLOCK: np.array([ord(each) for each in " ▘▖▌▝▀▞▛▗▚▄▙▐▜▟█"], dtype=np.uint32),
}
_UP_TO = np.array([0b0, 0b1, 0b11, 0b111, 0b1111], dtype=np.uint8)  # by n: the first n dots of a cell's column


class Canvas:
    """Grid of `columns` x `rows` cells, at least 1 x 1. Paint bands first: a line takes over the cells it passes."""

    def __init__(self, columns: int, rows: int, glyphs: GlyphSet) -> None:
        self.columns, self.rows, self.glyphs = columns, rows, glyphs
        self.across, self.down = CELL[glyphs]
        self.width, self.height = columns * self.across, rows * self.down
        self._bits = np.zeros((rows, columns), dtype=np.uint8)
        self._brush = np.zeros((rows, columns), dtype=np.intp)  # index of the last brush in the cell, 0 for none
        self._is_line = np.zeros((rows, columns), dtype=np.bool_)
        self._brushes: list[Brush] = [Brush("", " ")]
        self._placed: dict[tuple[int, int], tuple[str, str]] = {}

    def paint(self, extent: Extent, brush: Brush) -> None:
        """Draw the extent over the present dots. Lines that share a cell add their dots, in the last one's style."""
        bits = self._dots(extent, brush.fill)
        drawn = bits != 0
        if brush.fill is Fill.SOLID:
            self._bits[drawn & ~self._is_line] = 0
            self._is_line |= drawn
        else:
            drawn &= ~self._is_line
        self._bits[drawn] |= bits[drawn]
        self._brushes.append(brush)
        self._brush[drawn] = len(self._brushes) - 1

    def place(self, column: int, row: int, character: str, style: str) -> bool:
        """Put a character on top of a cell; return False if the cell already has one."""
        if (row, column) in self._placed:
            return False
        self._placed[row, column] = (character, style)
        return True

    def draw_vertical(self, column: int, character: str, style: str) -> None:
        """Draw a vertical line, the cursor, behind all lines."""
        for row in range(self.rows):
            if not self._is_line[row, column]:
                self.place(column, row, character, style)

    def read(self) -> list[Row]:
        """Return the cells as rows, each exactly `columns` wide."""
        codes = self._codes()
        names = list(dict.fromkeys([*(brush.style for brush in self._brushes), *(s for _, s in self._placed.values())]))
        kind = np.array([names.index(brush.style) for brush in self._brushes])[self._brush]
        for (row, column), (character, style) in self._placed.items():
            codes[row, column] = ord(character)
            kind[row, column] = names.index(style)
        # Blanks show no style: they take their left neighbour's, or a noisy plot would fall into hundreds of spans.
        last_drawn = np.maximum.accumulate(np.where(codes == ord(" "), 0, np.arange(self.columns)), axis=1)
        kind = np.take_along_axis(kind, last_drawn, axis=1)
        text = codes.astype("<u4").tobytes().decode("utf-32-le")
        new = np.ones(kind.shape, dtype=np.bool_)  # a span begins at a row's start and where the style changes
        new[:, 1:] = kind[:, 1:] != kind[:, :-1]
        cuts = np.flatnonzero(new)
        rows: list[list[Span]] = [[] for _ in range(self.rows)]
        styles = kind.ravel()[cuts].tolist()
        for (start, stop), style in zip(pairwise([*cuts.tolist(), len(text)]), styles, strict=True):
            rows[start // self.columns].append(Span(text[start:stop], names[style]))
        return [tuple(row) for row in rows]

    def _dots(self, extent: Extent, fill: Fill) -> npt.NDArray[np.uint8]:
        """Return the dots that the extent covers as bits of a cell [rows, columns], left column in the low bits.

        Computed per column of a cell, not per dot: a quarter of the numbers, 50 us instead of 200 for 120 x 40 cells.
        Dots beyond the canvas are cut off.
        """
        above = np.arange(self.rows)[:, None] * self.down
        first = nearest(np.clip(extent.top_w, -1, self.height)) - above
        last = nearest(np.clip(extent.bottom_w, -1, self.height)) - above
        covered: npt.NDArray[np.uint8] = _UP_TO[np.clip(last + 1, 0, self.down)] & ~_UP_TO[np.clip(first, 0, self.down)]
        if fill is not Fill.SOLID and self.glyphs is not GlyphSet.ASCII:
            kept = self._pattern(fill)
            if fill is Fill.RAW:
                for end in (first, last):
                    kept |= _UP_TO[np.clip(end + 1, 0, self.down)] & ~_UP_TO[np.clip(end, 0, self.down)]
            covered &= kept
        if self.across == 2:
            covered = covered[:, ::2] | covered[:, 1::2] << np.uint8(self.down)
        return covered

    def _pattern(self, fill: Fill) -> npt.NDArray[np.uint8]:
        """Return the dots that `fill` keeps, as bits of a cell's column [rows, width]; they repeat every two cells."""
        tile = np.zeros((2, 2), dtype=np.uint8)
        for row, column in np.ndindex(2 * self.down, 2):
            if (row + 2 * column) % 4 == 0 if fill is Fill.QUARTER else (row + column) % 2 == 0:
                tile[row // self.down, column] |= 1 << row % self.down
        return tile[np.arange(self.rows)[:, None] % 2, np.arange(self.width)[None, :] % 2]

    def _codes(self) -> npt.NDArray[np.uint32]:
        if self.glyphs is GlyphSet.ASCII:
            return np.array([ord(brush.letter) for brush in self._brushes], dtype=np.uint32)[self._brush]
        return _CODES[self.glyphs][self._bits]
