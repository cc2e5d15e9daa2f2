"""Charts of 10,000 points at 120 x 40 cells: milliseconds each, beside a plain Python loop over the same points.

    python tests/benchmarks/charts.py [--rounds 60] [--points 10000]

baseline   one loop over the points that keeps lowest and highest per dot column, and one over the dots that packs them
           into braille: what a chart without numpy does; no axes, no ticks, no legend, no joining of points
widget     `ChartView`: the same chart as rows, turned into strips in the theme's colours, line by line

Figures are medians of this process's CPU time, because the machine may be shared; the variants take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from textual.app import App, ComposeResult  # noqa: E402
from textual.geometry import Region  # noqa: E402

from cure_tui.charts import (  # noqa: E402
    QUANTILES,
    ChartOptions,
    GlyphSet,
    Series,
    ema,
    histogram,
    line_chart,
    quantile_bands,
    sparkline,
    to_svg,
)
from cure_tui.dashboard.curves import chart as chart_module  # noqa: E402
from cure_tui.dashboard.curves.chart import ChartView  # noqa: E402

COLUMNS, ROWS = 120, 40
BIT = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def python_chart(x: list[float], y: list[float]) -> list[str]:
    """Draw the baseline: braille dots by plain Python loops."""
    width, height = COLUMNS * 2, ROWS * 4
    low_x, high_x, low, high = x[0], x[-1], min(y), max(y)
    top, bottom = [height] * width, [-1] * width
    across, down = (width - 1) / (high_x - low_x), (height - 1) / (high - low)
    for at, value in zip(x, y, strict=True):
        column = round((at - low_x) * across)
        row = round((high - value) * down)
        if row < top[column]:
            top[column] = row
        if row > bottom[column]:
            bottom[column] = row
    cells = [[0x2800] * COLUMNS for _ in range(ROWS)]
    for column in range(width):
        for row in range(top[column], bottom[column] + 1):
            cells[row // 4][column // 2] |= BIT[row % 4][column % 2]
    return ["".join(map(chr, row)) for row in cells]


def python_ema(y: list[float], weight: float) -> list[float]:
    """Compute the moving average by its textbook recursion."""
    average, norm, smooth = 0.0, 0.0, []
    for value in y:
        average = weight * average + (1 - weight) * value
        norm = weight * norm + 1 - weight
        smooth.append(average / norm)
    return smooth


class ChartApp(App[None]):
    def compose(self) -> ComposeResult:
        yield ChartView()


async def in_widget(points: int, rounds: int, options: ChartOptions) -> list[float]:
    """Return the seconds of each picture in the widget: raster, strips, and Textual's own work on the lines."""
    y = walk(points)
    seconds = []
    chart_module.PERIOD = 0.0  # no pause between pictures here
    app = ChartApp()
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        chart = app.query_one(ChartView)
        await pilot.pause()
        for number in range(rounds):
            chart.show([Series("reward", np.arange(points) + number, y)], options)
            began = time.process_time()
            chart.render_lines(Region(0, 0, COLUMNS, ROWS))
            seconds.append(time.process_time() - began)
            await pilot.pause()
    return seconds


def walk(points: int) -> np.ndarray:  # type: ignore[type-arg]
    """Return a noisy curve of a training's shape."""
    random = np.random.default_rng(0)
    return 1 - np.exp(-np.arange(points) / points * 3) + random.normal(0, 0.1, points)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--points", type=int, default=10_000)
    asked = parser.parse_args()
    x, y = np.arange(float(asked.points)), walk(asked.points)
    listed_x, listed_y = x.tolist(), y.tolist()
    one = [Series("reward", x, y)]
    four = [Series(f"run {number}", x, y + number / 4, f"series{number}") for number in range(4)]
    quantiles = np.quantile(np.random.default_rng(1).lognormal(5, 0.4, (asked.points, 8)), QUANTILES, axis=1).T.copy()
    titled, smooth = ChartOptions("reward", "step"), ChartOptions("reward", "step", smoothing=0.95)
    works: dict[str, Callable[[], object]] = {
        "baseline: Python loops, bare raster": lambda: python_chart(listed_x, listed_y),
        "line chart, braille": lambda: line_chart(one, COLUMNS, ROWS, titled),
        "line chart, block": lambda: line_chart(one, COLUMNS, ROWS, ChartOptions(glyphs=GlyphSet.BLOCK)),
        "line chart, ascii": lambda: line_chart(one, COLUMNS, ROWS, ChartOptions(glyphs=GlyphSet.ASCII)),
        "line chart, smoothed over its raw band": lambda: line_chart(one, COLUMNS, ROWS, smooth),
        "line chart, four series": lambda: line_chart(four, COLUMNS, ROWS, titled),
        "quantile bands": lambda: quantile_bands(x, quantiles, COLUMNS, ROWS, titled),
        "histogram": lambda: histogram(y, COLUMNS, ROWS, titled),
        "sparkline, 40 columns": lambda: sparkline(y, 40),
        "SVG, 800 x 400": lambda: to_svg(one, 800, 400, titled),
        "EMA: Python loop": lambda: python_ema(listed_y, 0.95),
        "EMA: in blocks": lambda: ema(y, 0.95),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(asked.rounds):
        for name, work in works.items():
            began = time.process_time()
            work()
            seconds[name].append(time.process_time() - began)
    seconds["widget: line chart"] = asyncio.run(in_widget(asked.points, asked.rounds, titled))
    seconds["widget: smoothed"] = asyncio.run(in_widget(asked.points, asked.rounds, smooth))
    baseline = statistics.median(seconds[next(iter(works))])
    print(f"{asked.points:,} points, {COLUMNS} x {ROWS} cells, CPU time, median of {asked.rounds}")
    print(f"{'':40} {'ms':>8} {'best ms':>8} {'baseline is':>12}")
    for name, each in seconds.items():
        middle = statistics.median(each)
        print(f"{name:40} {middle * 1e3:8.2f} {min(each) * 1e3:8.2f} {baseline / middle:10.1f} x")


if __name__ == "__main__":
    main()
