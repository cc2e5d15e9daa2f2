"""Dashboard, driven by its keys: every view of a recorded run, time travel, commands to an engine, home screen."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from textual.widgets import ContentSwitcher, DataTable, OptionList, Static

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.curves.grid import ChartBox
from cure_tui.dashboard.curves.pane import CurvesPane
from cure_tui.dashboard.edit import EditScreen
from cure_tui.dashboard.home.screen import HomeScreen
from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.matrix.cell_screen import CellScreen
from cure_tui.dashboard.matrix.widget import MatrixView
from cure_tui.dashboard.rollouts.screen import RolloutScreen
from cure_tui.dashboard.rollouts.widget import RolloutList
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.log import LogPane, log_rows
from cure_tui.dashboard.run.screen import VIEWS, RunScreen
from cure_tui.dashboard.start.screen import StartScreen
from cure_tui.drawing.spans import plain
from cure_tui.runs.watcher import Snapshot
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.inbox import Inbox
from tests.cure_tui.dashboard.driving import header_of, notices, on_screen, opened, running, settled, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")
STEPS = 5


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "home" / "runs" / "nano-20261125-1200-abc", dump_toml(load_preset("nano")))


@pytest.fixture
def finished(folder: RunFolder) -> RunFolder:
    record_run(folder, STEPS)
    return folder


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (120, 40), (200, 60)])
async def test_every_view_draws_at_every_size(finished: RunFolder, size: tuple[int, int]) -> None:
    app = CureApp(finished.path)
    async with running(app, size) as pilot:
        screen = await opened(app, pilot)
        for key, name in zip("1234567", VIEWS, strict=True):
            await pilot.press(key)
            await pilot.pause()
            assert screen.query_one(ContentSwitcher).current == name
            assert app.export_screenshot()
        await pilot.resize_terminal(60, 15)
        await pilot.resize_terminal(140, 50)
        await pilot.pause()


async def test_the_header_tells_run_condition_step_and_sandbox(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        header = header_of(await opened(app, pilot))
        assert "nano-20261125-1200-abc" in header
        assert "finished" in header
        assert f"step {STEPS}/{STEPS}" in header
        assert "sandbox B" in header


async def test_time_travel_goes_back_stays_in_the_run_and_follows_again(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("[", "[")
        assert screen.chosen_step == STEPS - 2
        assert f"showing step {STEPS - 2}" in header_of(screen)
        await pilot.press("{")
        assert screen.chosen_step == 1
        await pilot.press("]")
        assert screen.chosen_step == 2
        await pilot.press("}")
        assert screen.chosen_step is None
        await pilot.press("[", "f")
        assert screen.chosen_step is None


async def test_enter_on_a_cell_opens_it_and_escape_returns_to_the_cell_looked_at_last(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("3", "down", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, CellScreen))
        cell = app.screen
        assert isinstance(cell, CellScreen)
        assert (cell.detail.program, cell.detail.test, cell.detail.is_truth) == (1, 1, True)
        await pilot.press("]", "}", "escape")
        await until(pilot, lambda: app.screen is screen)
        assert screen.query_one("#matrix").query_one(MatrixView).cursor == (2, 2)


async def test_the_matrix_view_goes_through_the_tasks_of_a_step(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("3", "full_stop")
        await pilot.pause()
        title = screen.query_one("#matrix").query_one("#matrix-title", RowsView).text
        assert "pair-01-00-00" in title
        assert "task 2 of 2" in title


async def test_rollouts_are_searched_and_opened(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("2")
        await until(pilot, lambda: screen.query(RolloutList))  # it comes when it is first looked at
        listed = screen.query_one(RolloutList)
        await until(pilot, lambda: len(listed.ids) == STEPS * 22)
        await pilot.press("slash", *"role:tester", "enter")
        await until(pilot, lambda: len(listed.ids) == STEPS * 10)
        await pilot.press("[")
        await until(pilot, lambda: len(listed.ids) == 10)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RolloutScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_a_query_that_cannot_be_read_says_why_and_keeps_the_list(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("2")
        await until(pilot, lambda: screen.query(RolloutList))  # it comes when it is first looked at
        listed = screen.query_one(RolloutList)
        await until(pilot, lambda: len(listed.ids) == STEPS * 22)
        await pilot.press("slash", *"rol:x", "enter")
        await pilot.pause()
        assert "unknown field 'rol'" in screen.query_one("#found", RowsView).text
        assert len(listed.ids) == STEPS * 22


async def test_curves_change_axis_smoothing_and_scale_and_one_is_shown_alone(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("4", "a", "s", "l")
        await pilot.pause()
        curves = screen.query_one(CurvesPane)
        how = curves.query_one("#how", RowsView).text
        assert how == "over minutes, smoothed 0.9, logarithmic y"
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert [box.spec.name for box in curves.query(ChartBox) if box.display] == ["validation accuracy"]
        await pilot.press("enter")
        await pilot.pause()
        assert all(box.display is not box.spec.of_some_runs for box in curves.query(ChartBox))


async def test_a_chart_is_exported_as_csv_and_svg(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        await opened(app, pilot)
        await pilot.press("4", "e")
        await pilot.pause()
    exports = finished.path / "exports"
    assert (exports / "accuracy.csv").read_text().splitlines()[1].startswith("1")
    assert "<svg" in (exports / "accuracy.svg").read_text()


async def test_the_log_tells_notices_phases_and_evaluations(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("6")
        text = plain(log_rows(screen.newest))
        assert "warning: KL is high" in text
        assert "heldout end (step 5)  code 0.700" in text
        assert "everything else" in text
        assert screen.query_one(LogPane).query_one(RowsView).text


async def test_a_live_run_takes_pause_checkpoint_and_stop(folder: RunFolder) -> None:
    record_run(folder, STEPS, finish=False)
    inbox = Inbox(folder.inbox)
    with folder.lock():
        app = CureApp(folder.path)
        async with running(app) as pilot:
            screen = await opened(app, pilot)
            await until(pilot, lambda: screen.is_live)
            await pilot.press("space", "w", "x")
            await until(pilot, lambda: isinstance(app.screen, AskScreen))
            await pilot.press("s")
            await until(pilot, lambda: app.screen is screen)
            await pilot.press("q")
        said = app.return_value
    assert [str(command) for command in inbox.poll()] == ["pause", "checkpoint", "stop"]
    assert said == "run nano-20261125-1200-abc keeps running; to return: cure-tui attach nano-20261125-1200-abc"


async def test_a_question_left_by_escape_sends_nothing(folder: RunFolder) -> None:
    record_run(folder, STEPS, finish=False)
    with folder.lock():
        app = CureApp(folder.path)
        async with running(app) as pilot:
            screen = await opened(app, pilot)
            await until(pilot, lambda: screen.is_live)
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, AskScreen))
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is screen)
    assert os.listdir(folder.inbox) == []


async def test_a_run_without_engine_takes_no_commands(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        await opened(app, pilot)
        await pilot.press("space", "w", "x", "q")
    assert not app.return_value
    assert os.listdir(finished.inbox) == []


@pytest.mark.parametrize("ends", [False, True], ids=["live", "finished"])
async def test_parts_of_the_overview_that_do_not_fit_are_turned_at_once(folder: RunFolder, ends: bool) -> None:
    record_run(folder, STEPS, finish=ends)
    parts = [["digest", "matrix"], *([] if ends else [["wall"]]), ["matrix"], ["charts"]]
    with contextlib.nullcontext() if ends else folder.lock():
        app = CureApp(folder.path)
        async with running(app, (80, 24)) as pilot:
            screen = await opened(app, pilot)
            await pilot.press("1")  # a finished run opens on its results
            await until(pilot, lambda: screen.is_live is not ends and shown_parts(screen) == parts[0])
            for part in [*parts[1:], parts[0]]:
                assert "Next page" in keys_shown(screen)
                await pilot.press("p")
                await until(pilot, lambda part=part: shown_parts(screen) == part)
            await pilot.press("question_mark")
            await until(pilot, lambda: screen.query("HelpPanel"))
            assert any(active.binding.description == "Next page" for active in screen.active_bindings.values())


async def test_a_live_run_keeps_its_wall_although_the_screen_knows_nothing_yet(folder: RunFolder) -> None:
    record_run(folder, STEPS, finish=False)
    with folder.lock():
        app = CureApp(folder.path)
        async with running(app, (80, 24)) as pilot:
            screen = await opened(app, pilot)
            await until(pilot, lambda: screen.is_live and shown_parts(screen) == ["digest", "matrix"])
            await pilot.press("p")
            await until(pilot, lambda: shown_parts(screen) == ["wall"])
            screen.newest = Snapshot(folder.path)  # what the screen knows before the watcher's first report
            screen.on_screen_resume()
            await pilot.pause()
            assert shown_parts(screen) == ["wall"]


async def test_an_overview_that_fits_has_no_parts_to_turn_until_the_terminal_shrinks(folder: RunFolder) -> None:
    record_run(folder, STEPS, finish=False)
    with folder.lock():
        app = CureApp(folder.path)
        async with running(app) as pilot:
            screen = await opened(app, pilot)
            await until(pilot, lambda: screen.is_live and len(shown_parts(screen)) == 3)
            assert screen.query_one(MatrixView).has_focus
            assert "Next page" not in keys_shown(screen)
            await pilot.press("p")
            await pilot.resize_terminal(80, 24)
            await until(pilot, lambda: shown_parts(screen)[:1] == ["digest"] and "Next page" in keys_shown(screen))
            await pilot.press("p")
            await until(pilot, lambda: shown_parts(screen) == ["wall"])


def shown_parts(screen: RunScreen) -> list[str]:
    """Return the parts of the overview that have room on the screen."""
    parts = {"digest": "#digest", "wall": "#top", "matrix": "#matrix-side", "charts": "#charts"}
    return [name for name, id in parts.items() if screen.query_one(f"#overview {id}").region.area]


def keys_shown(screen: RunScreen) -> list[str]:
    return [key.does for key in screen.query_one(KeysLine).keys]


DRAWN_OF_A_LOST_RUN = {
    "1": "votes",
    "2": "adv. tokens",
    "3": "votes",
    "4": "╭",
    "5": "answers, tokens",
    "6": "sampling",
}
"""Text that each view draws from what it had read of a run before its folder vanished."""


async def test_a_run_folder_deleted_while_watched_is_said_so_over_what_was_read_of_it(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("1")
        await settled(app, pilot)
        finished.path.rename(finished.path.with_name("elsewhere"))
        await until(pilot, lambda: "is gone" in header_of(screen))
        for key, drawn in DRAWN_OF_A_LOST_RUN.items():
            await pilot.press(key)
            await settled(app, pilot)
            assert "is gone" in on_screen(app)
            assert drawn in on_screen(app), key


async def test_the_home_screen_lists_presets_and_runs(finished: RunFolder) -> None:
    app = CureApp()
    async with running(app) as pilot:
        await until(pilot, lambda: app.screen.query_one(DataTable).row_count == 1)
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count >= 4)
        row = [str(cell) for cell in app.screen.query_one(DataTable).get_row_at(0)]
        assert row[1:7] == ["nano-20261125-1200-abc", "✔ finished", "5/5", "70%", "70%", "70%"]
        app.screen.query_one(DataTable).focus()
        await pilot.press("enter")
        await opened(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_resuming_a_finished_run_asks_how_much_longer_it_is_to_train(
    finished: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(CureApp, "_start", lambda self, prepared: started.append(prepared.new_limits))
    app = CureApp()
    async with running(app) as pilot:
        table = app.screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count == 1)
        table.focus()
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, EditScreen) and "is finished" in on_screen(app))
        await pilot.press(*"soon", "enter")
        await until(pilot, lambda: "'soon' is no extension" in on_screen(app))
        assert isinstance(app.screen, EditScreen)
        await pilot.press("ctrl+u", *"20 steps", "enter")
        await until(pilot, lambda: started)
        assert isinstance(app.screen, HomeScreen)
    assert started[0][0] == f"run.steps={STEPS + 20}"


async def test_without_any_run_one_key_and_a_yes_start_the_nano_run(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(CureApp, "start_run", lambda self, draft: started.append(draft.preset))
    app = CureApp()
    async with running(app) as pilot:
        await until(pilot, lambda: app.screen.query_one("#empty").display)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, StartScreen))
        await pilot.press("y")
        await until(pilot, lambda: started)
    assert started == ["nano"]


async def test_a_preset_that_does_not_fit_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(CureApp, "start_run", lambda self, draft: started.append(draft.preset))
    app = CureApp()
    async with running(app) as pilot:
        presets = app.screen.query_one(OptionList)
        await until(pilot, lambda: presets.option_count >= 4)
        presets.highlighted = 3
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, StartScreen))
        assert "✘ no CUDA GPU" in str(app.screen.query_one("#text", Static).content)
        await pilot.press("y")
        await until(pilot, lambda: notices(app))
        assert "no CUDA GPU" in notices(app)[0]
        await pilot.press("escape")
        presets.highlighted = 0
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, StartScreen))
        await pilot.press("y")
        await until(pilot, lambda: started)
    assert started == ["nano"]


async def test_deleting_a_run_asks_first(finished: RunFolder) -> None:
    app = CureApp()
    async with running(app) as pilot:
        table = app.screen.query_one(DataTable)
        await until(pilot, lambda: table.row_count == 1)
        table.focus()
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert finished.path.exists()
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        await pilot.press("d")
        await until(pilot, lambda: not finished.path.exists())


async def test_a_live_run_is_not_deleted(folder: RunFolder) -> None:
    record_run(folder, STEPS, finish=False)
    with folder.lock():
        app = CureApp()
        async with running(app) as pilot:
            table = app.screen.query_one(DataTable)
            await until(pilot, lambda: table.row_count == 1)
            table.focus()
            await pilot.press("x")
            await pilot.pause()
            assert isinstance(app.screen, HomeScreen)
    assert folder.path.exists()


async def test_themes_change_and_help_opens(finished: RunFolder) -> None:
    app = CureApp(finished.path)
    async with running(app) as pilot:
        await opened(app, pilot)
        before = app.theme
        await pilot.press("t")
        assert app.theme != before
        await pilot.press("question_mark")
        await pilot.pause()
        assert app.screen.query("HelpPanel")
        await pilot.press("question_mark")
        await pilot.pause()
        assert not app.screen.query("HelpPanel")
