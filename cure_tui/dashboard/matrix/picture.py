"""Picture of a pass matrix: programs x tests, ground truth apart on the left, with marks, totals and a legend.

    matrix_rows     record -> MatrixPicture of exactly `rows` rows and `columns` columns
    MatrixPicture   the rows, and the cell at each place

A cell is (program, column): columns count the t ground-truth tests first, then the m generated ones; `side_of` tells
them apart. Labels, marks and totals stay in place while the cells scroll beneath them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cure_tui.dashboard.matrix.reading import CELL_STATUSES, CellStatus, Reading, read_matrix
from cure_tui.dashboard.matrix.words import TRAINING, Words
from cure_tui.drawing.spans import Row, Span, fit, merge, one_column
from engine.runs.records import MatrixRecord

NOTHING = "no program has been executed"
Cell = tuple[int, int]
_Drawn = list[tuple[str, str]]  # (character, style) by column


@dataclass(frozen=True)
class MatrixPicture:
    """Drawn matrix.

    scroll: the first program and the first column drawn. page: how many programs and columns are drawn.
    xs, ys: the matrix column at each x, the program at each y; -1: none.
    """

    rows: tuple[Row, ...]
    scroll: Cell = (0, 0)
    page: Cell = (0, 0)
    xs: tuple[int, ...] = ()
    ys: tuple[int, ...] = ()

    def cell_at(self, x: int, y: int) -> Cell | None:
        """Return the cell drawn at column `x` of row `y`, if any."""
        if not (0 <= x < len(self.xs) and 0 <= y < len(self.ys)) or self.xs[x] < 0 or self.ys[y] < 0:
            return None
        return self.ys[y], self.xs[x]


def side_of(column: int, truth_tests: int) -> tuple[int, bool]:
    """Split a column into (index of the test on its side, whether that is the ground truth)."""
    return (column, True) if column < truth_tests else (column - truth_tests, False)


def matrix_rows(
    record: MatrixRecord | None,
    columns: int,
    rows: int,
    *,
    cursor: Cell | None = None,
    scroll: Cell = (0, 0),
    follow: bool = True,
    malformed: Sequence[bool] | None = None,
    nothing: str = NOTHING,
) -> MatrixPicture:
    """Draw `record` from `scroll` on; with `follow`, scroll on until the cursor is in sight.

    malformed: see `read_matrix`. nothing: the text shown if there is no program.
    """
    columns, rows = max(columns, 0), max(rows, 0)
    if record is None or not len(record.truth_nt):
        said = fit((Span(" " * max(0, (columns - len(nothing)) // 2)), Span(one_column(nothing), "muted")), columns)
        return MatrixPicture(tuple(said if y == rows // 2 else fit((), columns) for y in range(rows)))
    return draw_reading(
        read_matrix(record, malformed),
        columns,
        rows,
        cursor=cursor,
        scroll=scroll,
        follow=follow,
    )


def draw_reading(
    reading: Reading,
    columns: int,
    rows: int,
    *,
    cursor: Cell | None,
    scroll: Cell,
    follow: bool,
    words: Words = TRAINING,
) -> MatrixPicture:
    """Draw a matrix that was read before, with at least one program; see `matrix_rows`."""
    legend = _legend(reading, columns, words)
    plan = _Plan.of(reading, rows, len(legend), with_cursor=cursor is not None)
    across = _Across.of(reading, columns, scroll[1], cursor[1] if cursor and follow else None)
    first = _first_program(reading.n, plan.body, scroll[0], cursor[0] if cursor and follow else None)
    programs = range(first, min(first + plan.body, reading.n))
    pen = _Pen(reading, across, cursor, words)
    above = [pen.titles()] if plan.title else []
    above += pen.digits(reading.t, reading.m) if plan.digits else []
    drawn = [*above, *(pen.program(program, programs) for program in programs)]
    if plan.standings:
        drawn.append(pen.standings())
    if plan.totals:
        drawn += pen.totals()
    pictured = [merge(line) for line in drawn]
    if cursor and plan.cursor:
        pictured.append((Span(_about(reading, cursor, words), "accent"),))
    pictured += legend[: plan.legend]
    pictured = [fit(row, columns) for row in pictured[:rows]]
    pictured += [fit((), columns)] * (rows - len(pictured))
    ys = [-1] * len(above) + list(programs)
    return MatrixPicture(
        rows=tuple(pictured),
        scroll=(first, across.columns[0] if across.columns else 0),
        page=(len(programs), len(across.columns)),
        xs=tuple(across.xs(columns)),
        ys=tuple((ys + [-1] * rows)[:rows]),
    )


@dataclass(frozen=True)
class _Plan:
    """Budget of the picture's rows: the lines around the body that leave enough room for it."""

    body: int
    digits: bool = False
    standings: bool = False
    totals: bool = False
    title: bool = False
    cursor: bool = False
    legend: int = 0

    @staticmethod
    def of(reading: Reading, rows: int, legend: int, *, with_cursor: bool) -> _Plan:
        needed, squeezed = reading.n, min(reading.n, max(1, rows // 2))
        left = rows

        def spend(lines: int, body: int) -> bool:
            nonlocal left
            affordable = left - lines >= body
            left -= lines if affordable else 0
            return affordable

        # By priority: a small picture drops the last lines first, and more legend is not worth a program.
        digits = spend(_digits(reading), squeezed)
        first_legend = spend(1, squeezed)
        standings = bool(reading.m) and spend(1, squeezed)
        totals = spend(_digits_of_totals(reading), squeezed)
        title = spend(1, squeezed)
        cursor = with_cursor and spend(1, squeezed)
        more_legend = first_legend and legend > 1 and spend(legend - 1, needed)
        return _Plan(left, digits, standings, totals, title, cursor, (legend if more_legend else 1) * first_legend)


@dataclass(frozen=True)
class _Across:
    """Layout of every line: label, marks and a gap; the columns from `start` on, each `cell` wide; totals.

    The bar between the two sides is one `cell` wide and precedes the first generated test.
    """

    label: int
    start: int
    cell: int
    columns: range
    end: int
    truth_tests: int
    hidden_right: bool
    totals: int

    @staticmethod
    def of(reading: Reading, columns: int, scroll: int, cursor: int | None) -> _Across:
        label = max(3, len(str(reading.n - 1)) + 1)
        start = label + 3  # best-of-N star, I_j, and a gap for the arrow that points to hidden cells
        totals = 1 + max(5, 2 * len(str(reading.m)) + 1) if reading.m and columns >= 24 else 1
        space = columns - start - totals
        count, t = reading.t + reading.m, reading.t

        def taken(first: int, last: int, cell: int) -> int:
            return (last - first + 1) * cell + (cell if first < t <= last else 0)

        cell = 2 if count and taken(0, count - 1, 2) <= space else 1
        first = max(0, min(scroll, count - 1))
        if cursor is not None and first > cursor:
            first = cursor
        # fill the space with columns from the left, then scroll right until the cursor is in sight
        while first > 0 and taken(first - 1, count - 1, cell) <= space:
            first -= 1
        while cursor is not None and first < cursor and taken(first, cursor, cell) > space:
            first += 1
        last = first
        while last < count and taken(first, last, cell) <= space:
            last += 1
        end = start + (taken(first, last - 1, cell) if last > first else 0)
        return _Across(label, start, cell, range(first, last), end, t, last < count, totals)

    def crosses(self, column: int) -> bool:
        """Return whether the bar precedes this column."""
        return column == self.truth_tests and self.columns[0] < column

    def xs(self, columns: int) -> list[int]:
        places = [-1] * self.start
        for column in self.columns:
            places += [-1] * self.cell * self.crosses(column) + [column] * self.cell
        return (places + [-1] * columns)[:columns]


def _first_program(n: int, body: int, scroll: int, cursor: int | None) -> int:
    first = scroll
    if cursor is not None and body > 0:
        first = max(min(first, cursor), cursor - body + 1)
    return max(0, min(first, n - body))


@dataclass(frozen=True)
class _Pen:
    """Drawer of a matrix's lines, each as (character, style) by column."""

    reading: Reading
    across: _Across
    cursor: Cell | None
    words: Words

    def titles(self) -> _Drawn:
        shown = self.across.columns
        truth = len([column for column in shown if column < self.reading.t])
        space = truth * self.across.cell
        line = _styled(" " * self.across.start, "")
        if truth:
            line += _styled(_first_that_fits(self.words.sides, space).ljust(space), "title")
        if truth < len(shown):
            line += self._bar(self.across.cell) if truth else []
            line += _styled(f"generated by the tester, {self.reading.m}", "tester")
            if len(line) > self.across.end + 6:
                line = line[: len(line) - len(f" by the tester, {self.reading.m}")]
        return line

    def digits(self, truth_tests: int, generated_tests: int) -> list[_Drawn]:
        """Draw the numbers of the tests downwards: a column is too narrow for them."""
        lines = _digits(self.reading)
        drawn = []
        for place in range(lines):
            is_last = place == lines - 1
            head = self.words.mark if is_last else " "

            def number(column: int, place: int = place) -> tuple[str, str]:
                test, _ = side_of(column, truth_tests)
                return _digit(test, place, lines), "accent" if self._at_cursor(column) else "axis"

            line = self._line(" " * (self.across.label + 1), head, "axis", number)
            if is_last and generated_tests and self.across.totals > 1:
                line[self.across.end :] = _styled(" votes".rjust(self.across.totals), "axis")
            if is_last and self.across.columns and self.across.columns[0] > 0:
                line[self.across.start - 1] = ("‹", "accent")
            if is_last and self.across.hidden_right:
                line[self.across.end : self.across.end + 1] = [("›", "accent")]
            drawn.append(line)
        return drawn

    def program(self, program: int, shown: range) -> _Drawn:
        reading = self.reading
        is_best = program == reading.best
        here = self.cursor is not None and self.cursor[0] == program
        standing = reading.programs[program]
        codes: list[int] = [*reading.truth_nt[program].tolist(), *reading.generated_nm[program].tolist()]

        def cell(column: int) -> tuple[str, str]:
            ink = _INKS[codes[column]]
            return (ink[0], "cursor") if here and self._at_cursor(column) else ink

        name = f"p{program}".ljust(self.across.label)
        line = self._line(name, " ", "accent" if here else "coder", cell)
        line[self.across.label] = ("★" if is_best else " ", "warning")
        line[self.across.label + 1] = (standing.glyph, standing.style)
        if program == shown[0] > 0:
            line[self.across.start - 1] = ("↑", "accent")
        elif program == shown[-1] < reading.n - 1:
            line[self.across.start - 1] = ("↓", "accent")
        if self.across.totals > 1:
            votes = f"{reading.votes_n[program]}/{reading.m}".rjust(self.across.totals)
            line += _styled(votes, "warning" if is_best else "text")
        return line

    def standings(self) -> _Drawn:
        """Mark the standing of the generated tests; the other side's tests are right by definition."""

        def standing(column: int) -> tuple[str, str]:
            test, is_truth = side_of(column, self.reading.t)
            if is_truth:
                return " ", ""
            found = self.reading.tests[test]
            return found.glyph, found.style

        return self._line(self.words.row, "", "axis", standing)

    def totals(self) -> list[_Drawn]:
        """Draw how many programs pass each test, digits downwards."""
        lines = _digits_of_totals(self.reading)
        drawn = []
        for place in range(lines):

            def total(column: int, place: int = place) -> tuple[str, str]:
                test, is_truth = side_of(column, self.reading.t)
                passing = (self.reading.passing_t if is_truth else self.reading.passing_m)[test]
                return _digit(int(passing), place, lines), "accent" if self._at_cursor(column) else "text"

            drawn.append(self._line("pass" if place == 0 else "", "", "axis", total))
        return drawn

    def _line(self, label: str, mark: str, style: str, draw: Callable[[int], tuple[str, str]]) -> _Drawn:
        line = _styled(f"{label}{mark}".ljust(self.across.start)[: self.across.start], style)
        for column in self.across.columns:
            if self.across.crosses(column):
                line += self._bar(self.across.cell)
            glyph, glyph_style = draw(column)
            # the cursor covers its whole cell; any other style would only colour a blank
            filling = (" ", glyph_style if glyph_style == "cursor" else "")
            line += [(glyph, glyph_style), *[filling] * (self.across.cell - 1)]
        return line

    def _bar(self, places: int) -> _Drawn:
        return _styled("│".ljust(places), "axis")

    def _at_cursor(self, column: int) -> bool:
        return self.cursor is not None and self.cursor[1] == column


def _about(reading: Reading, cursor: Cell, words: Words) -> str:
    """Describe the cell under the cursor, the verdict first: a narrow picture cuts the end."""
    program, column = cursor
    if not (0 <= program < reading.n and 0 <= column < reading.t + reading.m):
        return f"p{program}"
    test, is_truth = side_of(column, reading.t)
    cell_status = words.cell(reading.cell_status(program, test, is_truth))
    standing = "" if is_truth else f" ({words.tests[reading.tests[test]]})"
    where = f"{(words.truth_test if is_truth else words.generated_test).format(test)}{standing}"
    return f"{cell_status}: p{program} ({words.programs[reading.programs[program]]}) on {where}"


def _legend(reading: Reading, columns: int, words: Words) -> list[Row]:
    """Explain every glyph that occurs, in as many lines as needed."""
    counts = sum(
        np.bincount(grid.ravel(), minlength=len(CELL_STATUSES)) for grid in (reading.truth_nt, reading.generated_nm)
    )
    codes = set(np.flatnonzero(counts).tolist())
    entries = [(cell_status.glyph, words.cell(cell_status), cell_status.style) for cell_status in _in_order(codes)]
    if reading.best is not None:
        entries.append(("★", words.best, "warning"))
    for standing, label in words.legend:
        if standing in reading.programs or standing in reading.tests:
            entries.append((standing.glyph, label, standing.style))
    lines: list[list[Span]] = [[]]
    left = columns
    for glyph, label, style in entries:
        wide = len(glyph) + 1 + len(label)
        if lines[-1] and wide + 2 > left:
            lines.append([])
            left = columns
        gap = "  " if lines[-1] else ""
        lines[-1] += [Span(gap), Span(glyph, style), Span(f" {label}", "muted")]
        left -= wide + len(gap)
    return [tuple(line) for line in lines]


def _in_order(codes: set[int]) -> list[CellStatus]:
    return [cell_status for code, cell_status in enumerate(CELL_STATUSES) if code in codes]


def _digits(reading: Reading) -> int:
    return len(str(max(reading.t, reading.m, 1) - 1))


def _digits_of_totals(reading: Reading) -> int:
    passing = [*reading.passing_t.tolist(), *reading.passing_m.tolist()]
    return len(str(max(passing, default=0)))


def _digit(number: int, place: int, places: int) -> str:
    return str(number).rjust(places)[place]


def _first_that_fits(texts: Sequence[str], columns: int) -> str:
    return next((text for text in texts if len(text) <= columns), "")


_INKS = tuple((cell_status.glyph, cell_status.style) for cell_status in CELL_STATUSES)
"""Glyph and style by code: a picture has thousands of cells, and attributes of an enum are slow."""


def _styled(text: str, style: str) -> _Drawn:
    return [(character, style) for character in text]
