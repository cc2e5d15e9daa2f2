"""One HTML file with every sheet, and the curves of best of n drawn; it loads nothing from elsewhere."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from cure_tui.charts import ChartOptions, Series, to_svg
from cure_tui.drawing.spans import printable
from cure_tui.runs.evaluations.accuracy import by_set
from cure_tui.runs.evaluations.sheet import Sheet
from cure_tui.runs.evaluations.strategies import curves_svg
from engine.evaluation.comparison import size_order
from engine.evaluation.paper import BON, SOURCE, TITLES, published_name, published_rows
from engine.evaluation.report import Report

_WIDTH, _HEIGHT = 580, 340  # two charts side by side on the page
_STYLE = """
:root { color-scheme: light dark; --ink: #222; --muted: #666; --line: #ddd; --back: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --muted: #9a9a9a; --line: #3a3a3a; --back: #161616; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 -apple-system, "Segoe UI", Helvetica, Arial, sans-serif;
  color: var(--ink); background: var(--back); max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .28rem .8rem; text-align: right; border-bottom: 1px solid var(--line); white-space: pre; }
th { color: var(--muted); font-weight: 600; } th:first-child, td:first-child { text-align: left; padding-left: 0; }
tr.published td { color: var(--muted); }
ul { color: var(--muted); font-size: .85rem; margin: .6rem 0; padding-left: 1.1rem; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
.charts svg { max-width: 100%; height: auto; border-radius: 6px; }
"""


def as_page(sheets: Sequence[Sheet], reports: Sequence[Report], title: str, *, published: bool = False) -> str:
    """Return the sheets and the curves of the reports as one HTML document.

    published: CURE's best of 16 x 16 stands in the chart of its set as points of its own.
    """
    parts = ["<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">']
    parts += [f"<title>{_text(title)}</title><style>{_STYLE}</style>"]
    parts += ['<meta name="viewport" content="width=device-width, initial-scale=1"></head><body>']
    parts += [f"<h1>{_text(title)}</h1>"]
    drawn = [chart for group in by_set(reports).values() for chart in _charts(group, published)]
    compared = [chart for report in reports if (chart := curves_svg(report, _WIDTH, _HEIGHT)) is not None]
    drawn += [chart.partition("?>\n")[2] for chart in compared]
    # a page holds several charts, whose ids must differ
    charts = [re.sub(r"(id='|#)plot\b", rf"\1plot{number}", chart) for number, chart in enumerate(drawn)]
    for place, sheet in enumerate(sheets):
        parts += _table(sheet)
        if place == 0 and charts:
            parts += ['<h2>Best of n over n programs and m tests</h2><div class="charts">', *charts, "</div>"]
    return "\n".join([*parts, "</body></html>", ""])


def _charts(reports: Sequence[Report], published: bool) -> Iterator[str]:
    """Yield a chart a report: a line for each m over n; and one over m at the largest n for all reports of the set."""
    name = reports[0].data.name
    title = TITLES.get(name.split("/")[0], name)
    lines = []
    for number, report in enumerate(reports):
        grid = _grid(report)
        if not grid:
            continue
        largest = max(n for n, _ in grid)
        lines.append(_series(report.name, {m: value for (n, m), value in grid.items() if n == largest}, number))
        tests = sorted({m for _, m in grid})
        of_m = [
            _series(f"m = {m}", {n: v for (n, other), v in grid.items() if other == m}, at)
            for at, m in enumerate(tests)
        ]
        yield _svg(of_m, f"{report.name} on {title}: BoN(n, m), %", "n programs")
    known = published_name(name) if published else ""
    for row in published_rows(known) if known and lines else ():
        lines.append(_series(row.model, {size_order(BON)[1]: row.bon * 100}, len(lines)))
    if len(lines) > 1:
        label = "m tests" + (f"; points: {SOURCE}" if known else "")
        yield _svg(lines, f"{title}: BoN at the largest n, %", label)


def _grid(report: Report) -> dict[tuple[int, int], float]:
    sizes = {size: each.mean for size, each in report.totals.bon.items() if each.mean is not None}
    keys = {size: size_order(size) for size in sizes}
    return {(keys[size][0], keys[size][1]): mean * 100 for size, mean in sizes.items() if len(keys[size]) == 2}


def _series(name: str, values: dict[int, float], number: int) -> Series:
    at = sorted(values)
    return Series(name, np.array(at, dtype=np.float64), np.array([values[x] for x in at]), f"series{number}")


def _svg(series: Sequence[Series], title: str, label: str) -> str:
    """Return the chart as an element of a page, its y axis from one multiple of ten to another."""
    ends = [float(value) for each in series for value in each.y if math.isfinite(value)]
    low, high = min(ends, default=0.0), max(ends, default=100.0)
    span = (max(0.0, math.floor(low / 10) * 10), min(100.0, max(math.ceil(high / 10) * 10, low + 10)))
    return to_svg(series, _WIDTH, _HEIGHT, ChartOptions(title=title, x_label=label, y_range=span)).partition("?>\n")[2]


def _table(sheet: Sheet) -> Iterator[str]:
    yield f"<h2>{_text(sheet.title)}</h2>"
    if sheet.rows:
        head = "".join(f"<th>{_text(column.title)}</th>" for column in sheet.columns)
        yield f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>'
        for row in sheet.rows:
            kind = ' class="published"' if "published" in row else ""
            cells = "".join(f"<td>{_text(cell)}</td>" for cell in row)
            yield f"<tr{kind}>{cells}</tr>"
        yield "</tbody></table></div>"
    if sheet.notes:
        yield f"<ul>{''.join(f'<li>{_text(note)}</li>' for note in sheet.notes)}</ul>"


def _text(text: str) -> str:
    return escape(printable(text))
