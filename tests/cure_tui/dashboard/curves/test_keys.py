"""Keys of the charts: cursor, zoom and pan, hidden lines, filter, export of all, explanation, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from cure_tui.charts import format_value
from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.curves.grid import ChartBox, ChartGrid
from cure_tui.dashboard.explain import ExplainScreen
from cure_tui.dashboard.home.screen import HomeScreen
from cure_tui.dashboard.rows import RowsView
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.listing import read_state
from tests.cure_tui.dashboard.driving import notices, on_screen, opened, running, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")
STEPS = 9


async def test_charts_by_keys_alone_in_a_small_terminal(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "home" / "runs" / "nano-keys", dump_toml(load_preset("nano")))
    record_run(folder, STEPS, varied=True)
    code = read_state(folder.journal).column("code_accuracy")
    app = CureApp(folder.path)
    async with running(app, (80, 24)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("4")
        await until(pilot, lambda: screen.query(ChartGrid))
        grid = screen.query_one(ChartGrid)

        def how() -> str:
            return grid.query_one("#how", RowsView).text

        await pilot.press("slash", *"kl")
        await until(pilot, lambda: '"kl": 1 of' in how())
        assert [box.spec.name for box in grid.query(ChartBox) if box.display] == ["KL"]
        await pilot.press("enter", "escape")
        await until(pilot, lambda: '"kl"' not in how())
        await pilot.press(*["up"] * 9, "enter")  # the first chart alone
        await until(pilot, lambda: f"code {format_value(code[-1])}" in on_screen(app))
        await pilot.press("left", "left", "left")
        await until(pilot, lambda: f"code {format_value(code[-3])}" in on_screen(app))
        await pilot.press("plus")
        await until(pilot, lambda: "(0: all)" in how())
        zoomed = how()
        await pilot.press("less_than_sign")
        await until(pilot, lambda: "(0: all)" in how() and how() != zoomed)
        await pilot.press("0")
        await until(pilot, lambda: "(0: all)" not in how() and f"code {format_value(code[-1])}" in on_screen(app))
        assert f"{format_value(code.max())} at step {code.argmax() + 1}" in on_screen(app)
        await pilot.press("h")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("1")
        await until(pilot, lambda: app.screen is screen and "1 hidden (h)" in how())
        await pilot.press("e")
        await until(pilot, lambda: len(notices(app)) == 2)
        assert "code" in (folder.path / "exports" / "accuracy.csv").read_text().splitlines()[0]
        assert f"code {format_value(code[-1])}" not in (folder.path / "exports" / "accuracy.svg").read_text()
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, ExplainScreen))
        await until(pilot, lambda: "share of programs that pass" in on_screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("escape")  # back to all charts, and not out of the run
        await until(pilot, lambda: len([box for box in grid.query(ChartBox) if box.display]) > 10)
        assert app.screen is screen
        await pilot.press("E")
        await until(pilot, lambda: any("charts saved to" in each for each in notices(app)))
        assert len(list((folder.path / "exports").glob("*.csv"))) > 10
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
