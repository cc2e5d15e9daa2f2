"""Strategies of an evaluation: tables at equal budgets, and curves of accuracy against tokens, as text and as SVG."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence

import numpy as np

from cure_tui.charts import ChartOptions, GlyphSet, Series, line_chart, to_svg
from cure_tui.charts.legend import marker_of
from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.spans import plain
from cure_tui.runs.evaluations.sheet import Column, Sheet
from cure_tui.terminal import draws_unicode
from engine.evaluation.comparison import size_order
from engine.evaluation.report import Report
from engine.evaluation.strategies import BASE, Point, points
from engine.evaluation.summary import Estimate
from engine.evaluation.table import MISSING, estimate_text

_COLUMNS, _ROWS = 79, 14  # of the chart as text
_MARKS = 3
_LABEL = "tokens of answers a task"


def strategy_sheets(report: Report) -> Iterator[Sheet]:
    """Lay out the strategies of a report, a sheet a budget, the largest last. Markers are those of the curves."""
    found = points(report.rows, report.settings.seed)
    glyphs = _glyphs()
    markers = {name: marker_of(number, glyphs) for number, name in enumerate(_names(found))}
    sizes = sorted({*report.settings.bon} & {point.size for point in found}, key=size_order)
    for size in sizes:
        rows = [
            (
                f"{markers[point.way]} {point.way}",
                estimate_text(point.accuracy),
                MISSING if point.difference is None else _change(point.difference),
                f"{point.answers:.1f}".removesuffix(".0"),
                f"{point.tokens:,.0f}",
                f"{point.prompt_tokens:,.0f}",
            )
            for point in found
            if point.size == size
        ]
        columns = [Column("strategy"), Column("right, %"), Column(f"vs. {BASE}"), Column("answers")]
        columns += [Column("tokens"), Column("of prompts", 1)]
        n, m = size_order(size)
        title = f"Strategies within {n} + {m} answers: {report.name}, {len(report.rows)} tasks"
        yield Sheet(title, tuple(columns), tuple(rows), tuple(_notes(report, rows)) if size == sizes[-1] else ())


def curves_text(report: Report) -> str:
    """Return the curves as text for standard output, as wide as the terminal but not wider than 79 columns."""
    columns = min(_COLUMNS, shutil.get_terminal_size((_COLUMNS, 24)).columns)
    options = ChartOptions(
        f"right choices, %, against {_LABEL}", glyphs=_glyphs(), legend=False, marks=_MARKS
    )  # fmt: skip
    text = plain(line_chart(_curves(report), columns, _ROWS, options))
    return text if draws_unicode() else to_ascii(text)


def curves_svg(report: Report, width: int = 760, height: int = 460) -> str | None:
    """Return the curves as an SVG document; None for a report without strategies."""
    curves = _curves(report)
    if not curves:
        return None
    title = f"{report.name}: right choices, %"
    return to_svg(curves, width, height, ChartOptions(title=title, x_label=_LABEL))


def _curves(report: Report) -> list[Series]:
    """Return a line a strategy over its budgets; one that takes the same at each is a point."""
    found = points(report.rows, report.settings.seed)
    curves = []
    for number, name in enumerate(_names(found)):
        at = {point.tokens: point.accuracy.mean for point in found if point.way == name}
        tokens = sorted(at)
        shares = [math.nan if (mean := at[each]) is None else mean * 100 for each in tokens]
        curves.append(Series(name, np.array(tokens), np.array(shares), f"series{number}"))
    return curves


def _names(found: Sequence[Point]) -> list[str]:
    return list(dict.fromkeys(point.way for point in found))


def _change(difference: Estimate) -> str:
    if difference.mean is None:
        return MISSING
    change, error = f"{difference.mean * 100:+.1f}", difference.standard_error
    return change if error is None else f"{change} ± {error * 100:.1f}"


def _notes(report: Report, rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield (
        f"vs. {BASE}: points, paired by task, ± standard error; answers and tokens: of a task; each strategy has the "
        "same answers to choose from, and the examples of the statement, as in solving"
    )
    known = {row[0].partition(" ")[2] for row in rows}
    no_room = [name for row in report.rows[:1] for name in row.ways if name not in known]
    if no_room:
        yield f"{', '.join(no_room)}: takes more answers than this"
    for reason in dict.fromkeys(report.left_out.values()):
        names = [name for name, of in report.left_out.items() if of == reason]
        yield f"left out: {', '.join(names)}: {reason}"


def _glyphs() -> GlyphSet:
    return GlyphSet.BRAILLE if draws_unicode() else GlyphSet.ASCII
