"""Command palette: every action of a screen, and the way to a step, a task and a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import ContentSwitcher

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.run.screen import VIEWS, RunScreen
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from tests.cure_tui.dashboard.driving import found_in_palette, on_screen, opened, running, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")


async def chosen(app: CureApp, pilot: Pilot[str], text: str, name: str) -> None:
    """Type into the palette and run what it finds first."""
    await pilot.press("ctrl+p")
    await until(pilot, lambda: isinstance(app.screen, CommandPalette))
    await pilot.press(*text)
    await found_in_palette(app, pilot, name)
    await pilot.press("enter")
    await until(pilot, lambda: not isinstance(app.screen, CommandPalette))


async def test_the_palette_goes_to_a_step_a_task_and_a_run_and_knows_every_action(tmp_path: Path) -> None:
    config = dump_toml(load_preset("nano"))
    folders = [RunFolder.create(tmp_path / "home" / "runs" / name, config) for name in ("nano-one", "nano-two")]
    for folder in folders:
        record_run(folder, 5)
    app = CureApp(folders[0].path)
    async with running(app, (120, 40)) as pilot:
        screen = await opened(app, pilot)
        for number, view in enumerate(VIEWS, 1):
            await pilot.press(str(number))
            await until(pilot, lambda view=view: screen.query_one(ContentSwitcher).current == view)
            await pilot.pause()
            offered = {command.title for command in app.get_system_commands(screen)}
            shown = {key.does for key in screen.query_one(KeysLine).keys} - {"palette"}
            assert shown <= offered
            assert {"Engine's output", "Note and tags", "Resume", *(f"View {name}" for name in VIEWS)} <= offered
            assert "Pause" not in offered  # nothing is left to be paused
        await chosen(app, pilot, "step 3", "Go to step 3")
        await until(pilot, lambda: screen.chosen_step == 3)
        await chosen(app, pilot, "task pair-01", "Go to task pair-01")
        await until(pilot, lambda: "step 3  pair-01-00-00  task 2 of 2" in on_screen(app))
        await chosen(app, pilot, "view rollouts", "View rollouts")
        await until(pilot, lambda: screen.query_one(ContentSwitcher).current == "rollouts")
        await chosen(app, pilot, "run nano-two", "Open run nano-two")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.path == folders[1].path)
