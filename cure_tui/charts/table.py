"""CSV table of series, for spreadsheets and notebooks."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence

from cure_tui.charts.series import Series
from engine.printable import printable


def to_csv(series: Sequence[Series], x_label: str = "x") -> str:
    """Return a wide table: one row per x of any series, ascending, and one column per series, named in the header.

    Numbers read back exactly; NaN is an empty cell. An x that a series has twice takes two rows, and a repeated name
    gets a number, so no value is lost.
    """
    columns: list[dict[tuple[float, int], float]] = []
    for each in series:
        times: Counter[float] = Counter()
        column: dict[tuple[float, int], float] = {}
        for x, y in zip(each.x.tolist(), each.y.tolist(), strict=True):
            if x == x:
                column[x, times[x]] = y
                times[x] += 1
        columns.append(column)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_heading(name) for name in (x_label, *_distinct([each.name for each in series]))])
    for at in sorted(set().union(*columns)):
        writer.writerow([_cell(at[0]), *(_cell(column.get(at)) for column in columns)])
    return text.getvalue()


def _heading(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula: metrics of a run are named by its author."""
    shown = printable(name, keep="\n")
    return f"'{shown}" if shown.lstrip().startswith(("=", "+", "-", "@")) else shown


def _cell(value: float | None) -> str:
    return "" if value is None or value != value else repr(value).removesuffix(".0")


def _distinct(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    distinct: list[str] = []
    for name in names:
        seen[name] += 1
        distinct.append(f"{name} ({seen[name]})" if seen[name] > 1 else name)
    return distinct
