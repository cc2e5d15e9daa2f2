"""Metrics that are added to the table: the dashboard draws them without a change anywhere else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

_ADDS = """\
from engine.runs import metrics
from engine.runs.metrics import METRICS, Metric
added = [Metric(f"in_{group}", "made up", METRICS[names[0]].unit, group, "of a test")
         for group, names in metrics.groups().items()]
added.append(Metric("in_a_new_group", "made up", "", "a new group", "of a test"))
added.append(Metric("pass_at_n", "any", "", "accuracy", "of a test", evaluated="pass_at_n"))
metrics._TABLE += tuple(added)
METRICS.update((each.name, each) for each in added)
from tests.cure_tui.dashboard.test_added_metric import draw
draw()
"""


def draw() -> None:
    """Draw home list, curves and comparison of two runs."""
    asyncio.run(_draw())


async def _draw() -> None:
    # The charts are made of the table when their module is imported: not before the metric is in it.
    from cure_tui.dashboard.app import CureApp
    from cure_tui.dashboard.compare.screen import CompareScreen
    from cure_tui.dashboard.curves.pane import CurvesPane
    from cure_tui.dashboard.home.run_table import RunTable
    from cure_tui.drawing.spans import plain
    from cure_tui.runs.comparison import ComparedRun, comparison_text, overlays
    from cure_tui.runs.curves import CHARTS, METRIC_CHARTS, XAxis, chart_series
    from engine.machine.home import runs_home
    from engine.machine.toml_text import dump_toml
    from engine.presets import load_preset
    from engine.runs.folder import RunFolder
    from engine.runs.listing import read_state
    from engine.runs.metrics import groups
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
    state = read_state(folders[0].journal)
    titles = {
        chart.name: [each.name for each in chart_series(state, chart, XAxis.STEP)]
        for chart in (*METRIC_CHARTS, *CHARTS)
    }
    assert all("made up" in titles[group] for group in groups())
    assert titles["accuracy: made up"] == ["made up"]
    assert titles["held-out accuracy"] == ["code", "UT", "BoN", "any"]
    runs = [ComparedRun(folder.path.name, config, state) for folder in folders]
    assert "code accuracy" in comparison_text(runs)
    assert [line for line in overlays(runs, 80, 12) if "KL: KL to the base" in plain([line])]


def test_a_metric_that_joins_any_group_is_drawn(own_home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _ADDS], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
