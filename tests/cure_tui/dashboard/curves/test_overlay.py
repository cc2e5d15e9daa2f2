"""Other runs drawn over a run's own charts: at most three, each number that of its run, and taken away again."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from cure_tui.charts import format_value
from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.curves.grid import ChartBox
from cure_tui.dashboard.curves.pane import CurvesPane
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.screen import RunScreen
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from tests.cure_tui.dashboard.driving import notices, on_screen, opened, running, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")
STEPS = {"nano-a": 3, "nano-b": 5, "nano-c": 7, "nano-d": 4}


@pytest.fixture
def runs(tmp_path: Path) -> list[RunFolder]:
    """Return four runs that differ in how many steps they have, and so in their newest code accuracy."""
    config = dump_toml(load_preset("nano"))
    folders = [RunFolder.create(tmp_path / "home" / "runs" / name, config) for name in STEPS]
    for folder in folders:
        record_run(folder, STEPS[folder.id])
    return folders


async def toggled(app: CureApp, pilot: Pilot[str], name: str) -> None:
    """Ask for the list of other runs and choose one by its name."""
    screen = app.screen
    pane = screen.query_one(CurvesPane)
    await until(pilot, lambda: any(box.has_focus for box in pane.grid.query(ChartBox)))
    await pilot.press("v")
    await until(pilot, lambda: isinstance(app.screen, AskScreen) and app.screen.query(OptionList))
    offered = [str(option.prompt) for option in app.screen.query_one(OptionList).options]
    await pilot.press(next(text for text in offered if name in text).split()[0])
    await until(pilot, lambda: app.screen is screen)


async def test_runs_are_drawn_over_one_another_and_taken_away(runs: list[RunFolder]) -> None:
    app = CureApp(runs[0].path)
    async with running(app, (120, 40)) as pilot:
        screen = await opened(app, pilot)
        assert isinstance(screen, RunScreen)
        await pilot.press("4")
        pane = screen.query_one(CurvesPane)
        for count, name in enumerate(["nano-c", "nano-b", "nano-d"], 1):
            await toggled(app, pilot, name)
            await until(pilot, lambda count=count: len(pane.others.snapshots) == count)
            await until(pilot, lambda: not any(each.loading for each in pane.others.snapshots))
        await until(pilot, lambda: "nano-d, step 4" in pane.query_one("#others", RowsView).text)
        await until(pilot, lambda: "D 0.400" in on_screen(app))
        await until(pilot, lambda: "● A nano-a, step 3" in on_screen(app))
        names = pane.query_one("#others", RowsView).text
        assert names == "● A nano-a, step 3  ▲ B nano-c, step 7  ■ C nano-b, step 5  ◆ D nano-d, step 4"
        newest = [steps / 10 for steps in (3, 7, 5, 4)]
        shown = on_screen(app)
        for letter, value in zip("ABCD", newest, strict=True):
            assert f"{letter} {format_value(value)}" in shown
        await pilot.press("enter", "left", "left")  # one chart, with a cursor a step before the newest of all
        await until(pilot, lambda: "B 0.600" in on_screen(app))
        await pilot.press("enter", "e")
        await until(pilot, lambda: len(notices(app)) == 2)
        table = next((runs[0].path / "exports").glob("*.csv")).read_text().splitlines()
        assert table[0] == "step,A nano-a,B nano-c,C nano-b,D nano-d"
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        assert "take which away?" in on_screen(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        for name in ("nano-b", "nano-c", "nano-d"):
            await toggled(app, pilot, name)
        await until(pilot, lambda: not pane.others.paths and pane.grid.id == "own")
        await until(pilot, lambda: "nano-b" not in on_screen(app) and "UT 0.300" in on_screen(app))
