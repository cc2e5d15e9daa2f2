"""Results view: a finished run opens on its table; every figure is the journal's, every answer the archive's."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import ContentSwitcher, Input

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.results.answers_screen import AnswersScreen
from cure_tui.dashboard.results.pane import ResultsPane
from cure_tui.dashboard.rollouts.screen import RolloutScreen
from cure_tui.dashboard.rollouts.widget import RolloutList
from cure_tui.dashboard.rows import RowsView
from cure_tui.runs.task_results import Kind
from engine.evaluation.table import change_text, compared_figures, interval_text
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.listing import read_state
from tests.cure_tui.dashboard.driving import on_screen, opened, running, until
from tests.cure_tui.recorded import record_evaluations, record_run

pytestmark = pytest.mark.usefixtures("own_home")
STEPS, SECONDS = 3, 60.0


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "home" / "runs" / "nano-20261125-1200-abc", dump_toml(load_preset("nano")))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_finished_run_opens_on_its_table_and_shows_every_answer(
    folder: RunFolder, size: tuple[int, int]
) -> None:
    record_run(folder, STEPS)
    record_evaluations(folder, 0, STEPS)
    state = read_state(folder.journal)
    start, end = (state.evaluation("heldout", when) for when in ("start", "end"))
    assert start is not None
    assert end is not None
    app = CureApp(folder.path)
    async with running(app, size) as pilot:
        screen = await opened(app, pilot)
        pane = screen.query_one(ResultsPane)
        await until(pilot, lambda: pane.lists[Kind.ALL], SECONDS)
        table = pane.query_one("#table", RowsView).text
        for figure in compared_figures(start.summary, end.summary):
            line = next((line for line in table.splitlines() if line.strip().startswith(figure.label)), "")
            assert bool(line) == figure.is_known
            if figure.is_known:
                assert interval_text(figure.start) in line
                assert interval_text(figure.end) in line
                assert line.endswith(change_text(figure.end.minus(figure.start)))
        assert max(map(len, table.splitlines())) <= 80 - 2 - 2  # beside padding and scroll bar of a small terminal
        shown = on_screen(app)
        assert "got worse 1  still failing 1  got better 3  all tasks 5" in shown
        assert "programs     3/4 → 2/4" in shown
        await pilot.press("l")
        await until(pilot, lambda: "held-01" in on_screen(app), SECONDS)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AnswersScreen), SECONDS)
        listed = app.screen.query_one(RolloutList)
        await until(pilot, lambda: len(listed.ids) == 14 and not listed.searching, SECONDS)  # of both evaluations
        assert app.screen.query_one(Input).value == "task=held-01"
        listed.focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RolloutScreen), SECONDS)
        assert "Held-out task 1." in on_screen(app)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is screen, SECONDS)
        await pilot.press("left_square_bracket", "left_square_bracket")  # travel to step 2: the start alone
        await until(pilot, lambda: "change" not in pane.query_one("#table", RowsView).text, SECONDS)
        await pilot.press("v")
        await until(pilot, lambda: "no evaluation of validation tasks yet" in on_screen(app), SECONDS)


async def test_a_run_without_archived_answers_says_so_and_one_that_goes_on_opens_on_the_overview(
    folder: RunFolder,
) -> None:
    record_run(folder, STEPS)
    app = CureApp(folder.path)
    async with running(app) as pilot:
        await opened(app, pilot)
        await until(pilot, lambda: "No answers of this evaluation are archived" in on_screen(app), SECONDS)
        await pilot.press("a")
        assert not isinstance(app.screen, AnswersScreen)
    with folder.lock():
        app = CureApp(folder.path)
        async with running(app) as pilot:
            screen = await opened(app, pilot)
            assert screen.query_one(ContentSwitcher).current == "overview"
