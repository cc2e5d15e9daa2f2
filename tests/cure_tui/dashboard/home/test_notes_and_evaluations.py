"""Home screen: notes with tags on runs, and evaluations of `cure-tui eval` in the same list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.edit import EditScreen
from cure_tui.dashboard.home.picture import about_run
from cure_tui.dashboard.home.run_table import RunTable
from cure_tui.dashboard.home.screen import HomeScreen
from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.drawing.spans import plain
from cure_tui.runs.listing import RunList
from engine.evaluate.folder import create_evaluation
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.listing import RunCondition
from tests.cure_tui.dashboard.driving import notices, on_screen, opened, running, until
from tests.cure_tui.recorded import record_run
from tests.engine.evaluate.given import request_for, sums

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "home" / "runs" / "nano-noted", dump_toml(load_preset("nano")))
    record_run(folder, 2)
    return folder


@pytest.fixture
def evaluation(tmp_path: Path, run: RunFolder) -> RunFolder:
    folder = create_evaluation(request_for(tmp_path, sums(2)), "big-sums").folder
    record_run(folder, 1)
    return folder


async def test_a_note_is_typed_shown_and_found_by_its_tag(run: RunFolder, evaluation: RunFolder) -> None:
    app = CureApp()
    async with running(app, (120, 40)) as pilot:
        home = app.screen
        table = home.query_one(RunTable)
        await until(pilot, lambda: table.row_count == 2 and table.has_focus)
        table.move_cursor(row=next(at for at in range(2) if "nano-noted" in str(table.get_row_at(at)[1])))
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, EditScreen))
        await pilot.press(*"#best of two", "enter")
        await until(pilot, lambda: "noted, tagged best" in notices(app))  # first: notices go after some seconds
        await until(pilot, lambda: app.screen is home and "#best of two" in on_screen(app))
        await pilot.press("slash", *"#best")
        await until(pilot, lambda: table.row_count == 1)
        await pilot.press("enter", "enter")
        screen = await opened(app, pilot)
        await pilot.press("6")
        await until(pilot, lambda: "note        #best of two" in on_screen(app))
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, EditScreen))
        assert app.screen.query_one(Input).value == "#best of two"
        await pilot.press("x", "escape")  # leaves it as it was
        await until(pilot, lambda: app.screen is screen)
    (noted,) = [each for each in RunList().read() if each.note]
    assert noted.note == "#best of two"


async def test_an_evaluation_is_in_the_list_and_is_offered_no_command_of_a_training(evaluation: RunFolder) -> None:
    app = CureApp()
    async with running(app, (80, 24)) as pilot:
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: table.row_count == 2 and table.has_focus)
        await pilot.press("slash", *"evaluation")
        await until(pilot, lambda: table.row_count == 1)
        await pilot.press("enter", "f")
        await until(pilot, lambda: any("no adapter" in each for each in notices(app)))
        await pilot.press("r")
        await until(pilot, lambda: any("cure-tui eval --resume big-sums" in each for each in notices(app)))
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("enter")
        screen = await opened(app, pilot)
        assert screen.path == evaluation.path
        offered = {key.does for key in screen.query_one(KeysLine).keys}
        assert not offered & {"Pause", "Stop", "Resume", "Continue"}


def test_the_line_on_an_evaluation_says_what_it_is_and_how_to_go_on(evaluation: RunFolder) -> None:
    (info,) = [each for each in RunList().read() if each.id == "big-sums"]
    assert plain([about_run(info)]) == "nano; Enter shows it"
    ended = replace(info, state=RunCondition.STOPPED, ending="stopped", note="#x")
    assert plain([about_run(ended)]) == "#x  cure-tui eval --resume big-sums goes on; stopped"
