"""Background work of the dashboard: what fails there becomes a line on the screen, and the dashboard stays open."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

import cure_tui.dashboard.run.screen as run_screen
import engine.machine.probe
from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.background import background, in_app
from cure_tui.dashboard.home.screen import HomeScreen
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.screen import RunScreen
from engine.errors import EnvironmentError_
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.origin import foreign_origin
from tests.cure_tui.dashboard.driving import notices, opened, running, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def run(own_home: Path) -> RunFolder:
    folder = RunFolder.create(own_home / "runs" / "nano-20261125-1200-abc", dump_toml(load_preset("nano")))
    record_run(folder, 3)
    return folder


def machine_of(app: CureApp) -> str:
    return app.screen.query_one("#machine", RowsView).text


def failing(error: Exception) -> Callable[..., NoReturn]:
    def fail(*values: object, **named: object) -> NoReturn:
        raise error

    return fail


FAULTS = [
    OSError(28, "No space left on device", "/tmp/x"),
    EnvironmentError_("this machine lacks a thing", "add it"),
]


def test_a_self_check_without_a_temporary_folder_is_a_state_and_no_crash(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))

    async def steps() -> None:
        app = CureApp()
        async with running(app) as pilot:
            await until(pilot, lambda: "sandbox level unknown" in machine_of(app))
            assert "the sandbox cannot check itself" in machine_of(app)
            assert "TMPDIR" in machine_of(app)
            assert app.is_running
        assert app.crash is None

    asyncio.run(steps())


@pytest.mark.parametrize("error", FAULTS, ids=["OSError", "CureError"])
def test_a_fault_of_the_probe_is_a_notice(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(engine.machine.probe, "probe_machine", failing(error))

    async def steps() -> None:
        app = CureApp()
        async with running(app) as pilot:
            await until(pilot, lambda: notices(app))
            (notice,) = notices(app)
            assert (error.strerror or "").lower() in notice if isinstance(error, OSError) else str(error) == notice
        assert app.crash is None

    asyncio.run(steps())


@pytest.mark.parametrize("error", FAULTS, ids=["OSError", "CureError"])
def test_a_fault_of_the_list_of_other_runs_is_a_notice(
    monkeypatch: pytest.MonkeyPatch, run: RunFolder, error: Exception
) -> None:
    monkeypatch.setattr(run_screen, "list_runs", failing(error))

    async def steps() -> None:
        app = CureApp(run.path)
        async with running(app) as pilot:
            await opened(app, pilot)
            app.screen.post_message(run_screen.ChooseRun("which?", lambda path: None, {}))
            await until(pilot, lambda: notices(app))
            assert isinstance(app.screen, RunScreen)
        assert app.crash is None

    asyncio.run(steps())


@pytest.mark.parametrize(("key", "opens"), [("y", True), ("n", False), ("enter", False), ("escape", False)])
def test_a_run_that_was_imported_is_asked_about_before_it_is_opened(run: RunFolder, key: str, opens: bool) -> None:
    (run.path / "imported").touch()

    async def steps() -> None:
        app = CureApp()
        async with running(app, size=(120, 40)) as pilot:
            home = app.screen
            assert isinstance(home, HomeScreen)
            await until(pilot, lambda: home.query_one("#runs").row_count == 1)  # type: ignore[attr-defined]
            home.query_one("#runs").focus()
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, AskScreen))
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, RunScreen if opens else HomeScreen))

    asyncio.run(steps())
    assert bool(foreign_origin(run.path)) is not opens


@pytest.mark.parametrize("closing", ["the screen", "the app", "the app by a key"])
def test_what_a_thread_finds_while_its_screen_closes_is_dropped(closing: str) -> None:
    """Threads reach the app between any two steps of its closing, when some widgets are gone and others are not."""

    async def steps() -> None:
        app = CureApp()
        shown: list[int] = []

        def show(home: HomeScreen) -> None:
            home.on_input_changed()
            shown.append(len(home.query("#empty, RunTable, RowsView")))

        @background()
        def reach(home: HomeScreen) -> None:
            while True:
                in_app(home, show, home)

        async with running(app) as pilot:
            await until(pilot, lambda: app.screen.query("#empty"))
            home = app.screen
            assert isinstance(home, HomeScreen)
            reaching = [reach(home) for _ in range(4)]
            while not shown:
                await asyncio.sleep(0.01)
            if closing == "the screen":
                await home.remove()
            elif closing == "the app by a key":
                app.action_leave()
        async with asyncio.timeout(60):
            while not all(worker.is_finished for worker in reaching):
                await asyncio.sleep(0.01)
        assert len(set(shown)) == 1  # all widgets were there, each time
        assert app.crash is None

    asyncio.run(steps())


def test_threads_reach_the_app_by_in_app_alone() -> None:
    package = Path(run_screen.__file__).parents[2]
    users = [path.name for path in package.rglob("*.py") if "call_from_thread" in path.read_text()]
    assert users == ["background.py"]
