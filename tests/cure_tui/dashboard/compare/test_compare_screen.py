"""Comparison screen, driven by its keys: three recorded runs, one of them live, tables and curves together."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.widgets import DataTable

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.compare.screen import CompareScreen
from cure_tui.dashboard.curves.grid import ChartBox, ChartGrid
from cure_tui.dashboard.curves.pane import CurvesPane
from cure_tui.dashboard.home.screen import HomeScreen
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.screen import RunScreen
from cure_tui.runs.curves import METRIC_CHARTS
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from tests.cure_tui.dashboard.driving import notices, on_screen, opened, running, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")
NAMES = ("nano-20261125-1200-aaa", "nano-20261125-1300-bbb", "other-20261125-1400-ccc")


@pytest.fixture
def runs(tmp_path: Path) -> list[RunFolder]:
    """Return two finished runs with different seeds and one that was abandoned after 3 steps."""
    folders = []
    for name, seed, steps, finish in zip(NAMES, (0, 4, 0), (5, 8, 3), (True, True, False), strict=True):
        config = load_preset("nano", [f"run.seed={seed}"])
        folders.append(RunFolder.create(tmp_path / "home" / "runs" / name, dump_toml(config)))
        record_run(folders[-1], steps, finish=finish)
    return folders


async def compared(app: CureApp, pilot: Pilot[str], runs: list[RunFolder]) -> CompareScreen:
    """Open the comparison of the runs and wait until all journals are read."""
    app.compare_runs([run.path for run in runs])
    return await shown(app, pilot)


async def shown(app: CureApp, pilot: Pilot[str]) -> CompareScreen:
    await until(pilot, lambda: isinstance(app.screen, CompareScreen))
    screen = app.screen
    assert isinstance(screen, CompareScreen)
    await until(pilot, lambda: screen.shown and not any(each.loading for each in screen.shown))
    await pilot.pause()
    return screen


def text_of(screen: CompareScreen, id: str) -> str:
    return screen.query_one(id, RowsView).text


def displayed(screen: CompareScreen) -> list[str]:
    return [box.spec.name for box in screen.query(ChartBox) if box.display]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])
async def test_settings_accuracies_and_curves_of_three_runs(
    runs: list[RunFolder], size: tuple[int, int], ascii_only: bool
) -> None:
    app = CureApp(ascii_only=ascii_only)
    async with running(app, size) as pilot:
        screen = await compared(app, pilot, runs)
        who = text_of(screen, "#runs").splitlines()
        assert [name in line for name, line in zip(NAMES, who, strict=True)] == [True] * 3
        assert "finished" in who[0]
        assert "step 8/8" in who[1]
        assert "crashed" in who[2]
        accuracies = text_of(screen, "#accuracies")
        assert "40.0" in accuracies
        assert "+30.0" in accuracies
        assert text_of(screen, "#settings").splitlines()[1].split() == ["run.seed", "0", "4", "0"]
        if ascii_only:
            assert on_screen(app).isascii()
        await pilot.press("2")
        await pilot.pause()
        lines = screen.query_one(ChartGrid).series(METRIC_CHARTS[0])
        assert [(line.name, line.x.size) for line in lines] == [("A", 5), ("B", 8), ("C", 3)]
        assert app.export_screenshot()


async def test_keys_of_the_curves_are_those_of_a_runs_curves(runs: list[RunFolder]) -> None:
    charts = [chart for chart in METRIC_CHARTS if not chart.of_some_runs]  # these runs have hidden labels
    app = CureApp()
    async with running(app) as pilot:
        screen = await compared(app, pilot, runs)
        await pilot.press("2", "a", "s", "l")
        await pilot.pause()
        assert text_of(screen, "#how") == "over minutes, smoothed 0.9, logarithmic y"
        await pilot.press("right", "enter")
        assert displayed(screen) == [charts[1].name]
        await pilot.press("down")  # left and right move the cursor of a chart that is shown alone
        assert displayed(screen) == [charts[2].name]
        await pilot.press("up", "up", "up")
        assert displayed(screen) == [charts[0].name]
        await pilot.press("enter")
        assert len(displayed(screen)) == len(charts)
        await pilot.press("left", "down")
        assert screen.query_one(ChartGrid).chosen.spec is charts[-1]
        await pilot.press("up")
        assert screen.query_one(ChartGrid).chosen.spec is charts[-3]
        await pilot.press("1")
        await pilot.pause()
        assert screen.query_one("#figures").has_focus


async def test_a_chart_is_exported_with_the_runs_names(runs: list[RunFolder], tmp_path: Path) -> None:
    app = CureApp()
    async with running(app) as pilot:
        await compared(app, pilot, runs[:2])
        await pilot.press("2", "e")
        await pilot.pause()
    exports = sorted((tmp_path / "home" / "exports").iterdir())
    assert [path.name for path in exports] == [f"accuracy-code-{NAMES[0]}-{NAMES[1]}.{kind}" for kind in ("csv", "svg")]
    table = exports[0].read_text().splitlines()
    assert table[0] == f"step,A {NAMES[0]},B {NAMES[1]}"
    assert table[-1] == "8,,0.8"
    assert NAMES[1] in exports[1].read_text()


async def test_a_double_click_shows_a_chart_alone(runs: list[RunFolder]) -> None:
    app = CureApp()
    async with running(app) as pilot:
        screen = await compared(app, pilot, runs)
        await pilot.press("2")
        await pilot.pause()
        await pilot.click(screen.query(ChartBox)[1], times=2)
        await pilot.pause()
        assert displayed(screen) == [METRIC_CHARTS[1].name]


async def test_tabs_turn_by_mouse_and_escape_goes_back(runs: list[RunFolder]) -> None:
    app = CureApp()
    async with running(app, (80, 24)) as pilot:
        screen = await compared(app, pilot, runs)
        await until(pilot, lambda: screen.query_one("#tab-curves").region.width)
        await pilot.click("#tab-curves")
        await until(pilot, lambda: screen.query_one(ChartGrid).display and isinstance(screen.focused, ChartBox))
        assert not screen.query_one("#figures").display
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert not any(thread.name == "run-watcher" for thread in threading.enumerate())


async def test_a_live_run_goes_on_being_followed(runs: list[RunFolder]) -> None:
    with runs[2].lock():
        app = CureApp()
        async with running(app) as pilot:
            screen = await compared(app, pilot, [runs[0], runs[2]])
            await until(pilot, lambda: "live" in text_of(screen, "#runs"))
            with JournalWriter(runs[2].journal) as journal:
                journal.step_finished(4, {"code_accuracy": 0.9})
            await until(pilot, lambda: "step 4/3" in text_of(screen, "#runs"))
            assert screen.query_one(ChartGrid).series(METRIC_CHARTS[0])[1].y[-1] == 0.9


async def test_a_run_deleted_meanwhile_is_said_so_and_its_curves_stay(runs: list[RunFolder]) -> None:
    app = CureApp()
    async with running(app) as pilot:
        screen = await compared(app, pilot, runs[:2])
        shutil.rmtree(runs[1].path)
        await until(pilot, lambda: "is gone" in text_of(screen, "#runs"))
        assert screen.query_one(ChartGrid).series(METRIC_CHARTS[0])[1].x.size == 8
        await pilot.press("2", "a", "e")
        await pilot.pause()
    assert not runs[1].path.exists()


async def test_runs_without_any_step_and_with_unreadable_settings_are_compared(tmp_path: Path) -> None:
    empty = [RunFolder.create(tmp_path / "home" / "runs" / name, dump_toml(load_preset("nano"))) for name in NAMES[:2]]
    empty[1].config.write_text("name = [")
    app = CureApp()
    async with running(app) as pilot:
        screen = await compared(app, pilot, empty)
        assert text_of(screen, "#runs").count("no step finished yet") == 2
        assert "no run has been evaluated" in text_of(screen, "#accuracies")
        assert "the settings cannot be compared" in text_of(screen, "#settings")
        await pilot.press("2", "l", "s", "a", "enter", "e")
        await pilot.pause()


async def test_a_run_is_not_compared_with_itself_nor_five_at_once(runs: list[RunFolder]) -> None:
    app = CureApp()
    async with running(app) as pilot:
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        app.compare_runs([runs[0].path, runs[0].path])
        app.compare_runs([Path(f"/nowhere/{number}") for number in range(5)])
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)
        assert notices(app) == [
            "a run cannot be compared with itself (choose another run)",
            "5 runs are too many to tell apart (choose at most 4)",
        ]


async def test_marked_runs_are_compared_from_the_home_screen(runs: list[RunFolder]) -> None:
    app = CureApp()
    async with running(app) as pilot:
        table = app.screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count == 3 and table.has_focus)
        await pilot.press("m", "down", "m", "c")
        screen = await shown(app, pilot)
        assert len(screen.shown) == 2
        await pilot.press("escape", "down", "m", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen is not screen)
        assert len((await shown(app, pilot)).shown) == 3


async def test_one_marked_run_is_compared_with_the_chosen_one(runs: list[RunFolder]) -> None:
    app = CureApp()
    async with running(app) as pilot:
        table = app.screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count == 3 and table.has_focus)
        await pilot.press("c", "m", "c")
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("down", "c")
        await shown(app, pilot)


async def test_a_click_on_the_mark_marks_the_run(runs: list[RunFolder]) -> None:
    app = CureApp()
    async with running(app) as pilot:
        table = app.screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count == 3)
        for row in (1, 2):
            await pilot.click(table, offset=Offset(1, row))
            await pilot.pause()
        assert [str(table.get_cell_at((row, 0))) for row in range(3)] == ["A", "B", "·"]  # type: ignore[arg-type]
        await pilot.press("escape")
        assert str(table.get_cell_at((0, 0))) == "·"  # type: ignore[arg-type]


async def test_a_runs_curves_lead_to_a_comparison(runs: list[RunFolder]) -> None:
    app = CureApp(runs[0].path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("4", "c")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("2")
        comparison = await shown(app, pilot)
        assert NAMES[0] in text_of(comparison, "#runs").splitlines()[0]
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert screen.query_one(CurvesPane).display
        assert isinstance(screen, RunScreen)
