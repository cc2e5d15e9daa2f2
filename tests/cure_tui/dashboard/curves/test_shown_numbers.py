"""Numbers on the screen, in exports and in plain text: those of the data, however the lines are smoothed."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from cure_tui.charts import ChartOptions, GlyphSet, Series, line_chart, sparkline, to_csv, to_svg
from cure_tui.charts.ticks import format_value
from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.compare.screen import CompareScreen
from cure_tui.dashboard.curves.chart import ChartView
from cure_tui.dashboard.curves.grid import ChartBox, ChartGrid
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.overview import OverviewPane
from cure_tui.dashboard.run.screen import RunScreen
from cure_tui.drawing.smoothing import CHOICES, Smoothing
from cure_tui.drawing.spans import plain
from cure_tui.runs.comparison import PRINTED, ComparedRun, overlays
from cure_tui.runs.curves import METRIC_CHARTS, XAxis, chart_series
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.runs.listing import read_state
from engine.runs.state import RunState
from tests.cure_tui.dashboard.driving import notices, opened, running, settled, until

STEPS = 20
NOISE = np.random.default_rng(3).uniform(0.1, 0.9, (2, STEPS))
RUNS = ("nano-20261125-1200-aaa", "nano-20261125-1300-bbb")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """Return two runs whose accuracies jump: no moving average of them is near the newest value."""
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path / "home"))
    folders = []
    for name, values in zip(RUNS, NOISE.tolist(), strict=True):
        folder = RunFolder.create(tmp_path / "home" / "runs" / name, dump_toml(load_preset("nano")))
        with JournalWriter(folder.journal) as journal:
            journal.run_started(preset="nano", steps=STEPS, seed=0)
            for step, value in enumerate([*values[:-1], 0.65], 1):
                metrics = dict.fromkeys(("code_accuracy", "ut_accuracy", "bon_accuracy", "mu", "kl"), value)
                journal.step_finished(step, metrics | {"coder_reward": -value, "tester_reward": value, "p_u": value})
        folders.append(folder)
    return folders


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w.])", text)]


@pytest.mark.parametrize("glyphs", GlyphSet)
@pytest.mark.parametrize("smoothing", CHOICES)
@pytest.mark.parametrize("log_y", [False, True])
def test_a_legend_reads_the_newest_raw_value(glyphs: GlyphSet, smoothing: float, log_y: bool) -> None:
    series = [Series(name, np.arange(1.0, STEPS + 1), y) for name, y in zip("ab", NOISE, strict=True)]
    options = ChartOptions(smoothing=smoothing, log_y=log_y, glyphs=glyphs)
    head = plain(line_chart(series, 60, 12, options)[:1])
    assert [format_value(y[-1]) in head for y in NOISE] == [True, True]
    at_five = plain(line_chart(series, 60, 12, ChartOptions(smoothing=smoothing, glyphs=glyphs, cursor_x=5.0))[:1])
    assert [format_value(y[4]) in at_five for y in NOISE] == [True, True]


@pytest.mark.parametrize("smoothing", CHOICES)
def test_an_exported_picture_says_how_it_is_smoothed_and_reads_raw_values(smoothing: float) -> None:
    x = np.arange(1.0, STEPS + 1)
    picture = to_svg([Series("a", x, NOISE[0])], 600, 300, ChartOptions(title="accuracy", smoothing=smoothing))
    texts = [
        "".join(each.itertext()) for each in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    ]
    assert f"a {format_value(NOISE[0, -1])}" in texts
    assert (f"accuracy, smoothed {smoothing:g}" if smoothing else "accuracy") in texts


def test_an_exported_table_is_raw() -> None:
    table = to_csv([Series("a", np.arange(1.0, STEPS + 1), NOISE[0])], "step")
    assert [float(row[1]) for row in list(csv.reader(table.splitlines()))[1:]] == NOISE[0].tolist()


def test_a_sparkline_stands_highest_and_lowest_where_the_data_do() -> None:
    (span,) = sparkline(NOISE[0], STEPS, GlyphSet.BLOCK)
    heights = np.array([" ▁▂▃▄▅▆▇█".index(sign) for sign in span.text])
    assert heights[NOISE[0].argmax()] == 8
    assert heights[NOISE[0].argmin()] == 1
    assert np.all(np.diff(heights[NOISE[0].argsort()]) >= 0)


def test_compare_prints_raw_values_and_names_the_smoothing(runs: list[RunFolder]) -> None:
    states = [read_state(folder.journal) for folder in runs]
    text = plain(overlays([ComparedRun(name, None, state) for name, state in zip("AB", states, strict=True)], 100, 12))
    heads = [line for line in text.splitlines() if "smoothed 0.6" in line]
    assert len(heads) == len(PRINTED)
    for head in heads:
        assert numbers(head.split("smoothed 0.6")[1]) == [0.65, 0.65]


def legend(view: ChartView) -> str:
    return "\n".join(view.render_line(row).text for row in range(2))


def newest(state: RunState, box: ChartBox) -> list[float]:
    found = [each.y[np.isfinite(each.y)] for each in chart_series(state, box.spec, XAxis.STEP)]
    return [float(format_value(y[-1])) for y in found if y.size]


async def test_one_smoothing_holds_for_every_chart_and_moves_no_number(runs: list[RunFolder]) -> None:
    app = CureApp(runs[0].path)
    async with running(app, (160, 50)) as pilot:
        screen = await opened(app, pilot)
        title = screen.query_one("#charts-title", RowsView)
        await settled(app, pilot)
        assert title.text == "curves smoothed 0.6"
        view = screen.query_one("#chart-KL", ChartView)
        assert 0.65 in numbers(legend(view))
        await pilot.press("4", "s")
        await settled(app, pilot)
        assert app.smoothing == Smoothing(0.9)
        grid = screen.query_one(ChartGrid)
        assert grid.query_one("#how", RowsView).text == "over step, smoothed 0.9, linear y"
        state = screen.newest.state
        drawn = [box for box in grid.query(ChartBox) if box.spec.name in ("KL", "rewards", "mu")]
        for box in drawn:
            assert numbers(legend(box.query_one(ChartView)))[: len(newest(state, box))] == newest(state, box)
        await pilot.press("1")
        await pilot.pause()
        assert title.text == "curves smoothed 0.9"


async def test_the_screen_that_compares_shares_the_smoothing_and_reads_raw_values(runs: list[RunFolder]) -> None:
    app = CureApp(runs[0].path)
    async with running(app, (160, 50)) as pilot:
        run = await opened(app, pilot)
        app.compare_runs([folder.path for folder in runs])
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        screen = app.screen
        await until(pilot, lambda: all(not each.loading for each in screen.shown))
        await pilot.press("2", "s")
        await settled(app, pilot)
        assert screen.query_one("#how", RowsView).text == "over step, smoothed 0.9, linear y"
        for box in screen.query(ChartBox):
            if box.spec in METRIC_CHARTS and box.spec.name in ("KL", "accuracy: code"):
                assert numbers(legend(box.query_one(ChartView)))[:2] == [0.65, 0.65]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.pause()
        title = run.query_one(OverviewPane).query_one("#charts-title", RowsView)
        assert title.text == "curves smoothed 0.9"


async def test_an_export_says_what_its_values_are(runs: list[RunFolder]) -> None:
    app = CureApp(runs[0].path)
    async with running(app) as pilot:
        await opened(app, pilot)
        await pilot.press("4", "e")
        await until(pilot, lambda: len(notices(app)) == 2)
        table, picture = notices(app)
        assert table.endswith("accuracy.csv: raw values")
        assert picture.endswith("accuracy.svg: smoothed 0.6")
    assert "accuracy, smoothed 0.6" in (runs[0].path / "exports" / "accuracy.svg").read_text()
