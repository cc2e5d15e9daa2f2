"""Screen of engine.log: it follows the file, stays where the user has scrolled to, wraps and searches."""

from __future__ import annotations

from pathlib import Path

import pytest

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.run.log_screen import EngineLogScreen
from cure_tui.dashboard.run.screen import RunScreen
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from tests.cure_tui.dashboard.driving import on_screen, opened, running, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")


async def test_the_log_is_followed_searched_and_wrapped(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "home" / "runs" / "nano-log", dump_toml(load_preset("nano")))
    record_run(folder, 2)
    folder.log.write_text("".join(f"line {number} of the engine\n" for number in range(100)))
    app = CureApp(folder.path)
    async with running(app, (80, 24)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("6", "o")
        await until(pilot, lambda: isinstance(app.screen, EngineLogScreen) and "line 99 of" in on_screen(app))
        with folder.log.open("a") as log:
            log.write("warning: " + "x" * 100 + " the end\n")
        await until(pilot, lambda: "the end" in on_screen(app))  # followed, and wrapped
        assert "following" in on_screen(app)
        await pilot.press("w")
        await until(pilot, lambda: "the end" not in on_screen(app))
        await pilot.press("w", "home")
        await until(pilot, lambda: "line 0 of" in on_screen(app) and "f follows" in on_screen(app))
        with folder.log.open("a") as log:
            log.write("one more line\n")
        await until(pilot, lambda: "102 lines" in on_screen(app))
        assert "line 0 of" in on_screen(app)  # stays where the user is reading
        await pilot.press("slash", *"LINE 3", "enter")
        await until(pilot, lambda: '"LINE 3": 11 of 11' in on_screen(app) and "line 39 of" in on_screen(app))
        await pilot.press("n", "n")
        await until(pilot, lambda: "9 of 11" in on_screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: "LINE 3" not in on_screen(app))
        await pilot.press("f")
        await until(pilot, lambda: "one more line" in on_screen(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        assert isinstance(app.screen, RunScreen)
