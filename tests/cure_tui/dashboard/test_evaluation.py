"""Tests of an evaluation in the dashboard, which opens it as it opens a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import ContentSwitcher

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.matrix.widget import MatrixView
from engine.machine.home import HOME_VARIABLE
from engine.sandbox import Executor
from tests.cure_tui.dashboard.driving import opened, running, until
from tests.engine.evaluate.given import Given, new_evaluation, request_for, run, sums

VIEWS = 6


@pytest.fixture
def with_one_shot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    request = replace(request_for(tmp_path, sums(1)), one_shot="openai:big")
    made = new_evaluation(tmp_path, request)
    with Executor(cells=1) as executor:
        run(made, executor, Given(), Given())
    return made.folder.path


async def test_a_one_shot_program_has_a_matrix_without_generated_tests(with_one_shot: Path) -> None:
    app = CureApp(with_one_shot)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("3")
        await until(pilot, lambda: "sum-000" in app.export_screenshot())
        await pilot.press("full_stop")
        await until(pilot, lambda: "one-shot" in app.export_screenshot())
        for key in ("down", "right", "enter", "escape", "2", "3", "p"):
            await pilot.press(key)
            await pilot.pause()
        assert screen.query_one("#matrix")
        assert app.export_screenshot()


@pytest.fixture
def evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    made = new_evaluation(tmp_path, request_for(tmp_path, sums(18)))
    with Executor(cells=1) as executor:
        run(made, executor, Given())
    return made.folder.path


async def test_every_view_of_an_evaluation_draws_and_its_matrix_shows_programs_and_tests(evaluation: Path) -> None:
    app = CureApp(evaluation)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        for key in range(1, VIEWS + 1):
            await pilot.press(str(key))
            await pilot.pause()
            assert screen.query_one(ContentSwitcher).current
            assert app.export_screenshot()
        await pilot.press("3")
        matrix = screen.query_one("#matrix").query_one(MatrixView)
        await until(pilot, lambda: "sum-" in app.export_screenshot())
        await pilot.press("down", "right")
        assert matrix.cursor != (0, 0)
