"""Metric that is added to the table: the dashboard draws it without a change anywhere else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from engine.runs.metrics import groups

_ADDS = """\
import dataclasses
import sys
from engine.runs import metrics
group, evaluated = sys.argv[1:]
made_up = metrics.Metric("made_up", "made up", "", group, "a metric of a test", evaluated=evaluated)
unit = metrics.METRICS[metrics.groups()[group][0]].unit if group in metrics.groups() else ""
metrics._TABLE += (dataclasses.replace(made_up, unit=unit),)
metrics.METRICS["made_up"] = metrics._TABLE[-1]
from tests.cure_tui.dashboard.test_added_metric import draw
draw(group, evaluated)
"""


def draw(group: str, evaluated: str) -> None:
    """Draw home list, curves and comparison of two runs that have the metric."""
    asyncio.run(_draw(group, evaluated))


async def _draw(group: str, evaluated: str) -> None:
    # The charts are made of the table when their module is imported: not before the metric is in it.
    from cure_tui.dashboard.app import CureApp
    from cure_tui.dashboard.compare.screen import CompareScreen
    from cure_tui.dashboard.curves.pane import CurvesPane
    from cure_tui.dashboard.home.run_table import RunTable
    from cure_tui.runs.comparison import ComparedRun, comparison_text
    from cure_tui.runs.curves import CHART_BY_NAME, METRIC_CHARTS, XAxis, chart_series
    from engine.machine.home import runs_home
    from engine.machine.toml_text import dump_toml
    from engine.presets import load_preset
    from engine.runs.folder import RunFolder
    from engine.runs.listing import read_state
    from tests.cure_tui.dashboard.driving import on_screen, opened, running, settled, until
    from tests.cure_tui.recorded import record_run

    config = load_preset("nano")
    folders = [RunFolder.create(runs_home() / f"nano-20261125-1200-{name}", dump_toml(config)) for name in "ab"]
    for folder in folders:
        record_run(folder)
    app = CureApp(folders[0].path)
    async with running(app, (200, 60)) as pilot:
        home = app.screen_stack[1].query_one(RunTable)
        screen = await opened(app, pilot)
        await pilot.press("4")
        await settled(app, pilot)
        assert screen.query_one(CurvesPane).display
        app.compare_runs([folder.path for folder in folders])
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.shown)
        await settled(app, pilot)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: home.row_count == len(folders))
        await settled(app, pilot)
        assert "70%" in on_screen(app)
    assert any("made_up" in chart.metrics for chart in METRIC_CHARTS)
    state = read_state(folders[0].journal)
    names = {
        chart: [each.name for each in chart_series(state, spec, XAxis.STEP)] for chart, spec in CHART_BY_NAME.items()
    }
    assert "made up" in names[group]
    assert ("made up" in names["held-out accuracy"]) == bool(evaluated)
    assert "code accuracy" in comparison_text([ComparedRun(folder.path.name, config, state) for folder in folders])


@pytest.mark.parametrize(
    ("group", "evaluated"), [(group, "") for group in (*groups(), "a new group")] + [("accuracy", "pass_at_n")]
)
def test_a_metric_that_joins_a_group_is_drawn(group: str, evaluated: str, own_home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _ADDS, group, evaluated], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
