"""Start dialog: by keyboard alone, in a small terminal too; what is shown is what is started."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.edit import EditScreen, PickScreen
from cure_tui.dashboard.messages import StartPreset
from cure_tui.dashboard.start.screen import StartScreen
from cure_tui.dashboard.start.settings import SettingsScreen
from cure_tui.launch.draft import Draft
from tests.cure_tui.dashboard.driving import notices, on_screen, running, until

pytestmark = pytest.mark.usefixtures("own_home")
SECONDS = 60.0


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Draft]:
    """Record the drafts that an engine is started on, and start none."""
    drafts: list[Draft] = []
    monkeypatch.setattr(CureApp, "start_run", lambda self, draft: drafts.append(draft))
    return drafts


async def dialog(app: CureApp, pilot: Pilot[str], preset: str = "nano") -> StartScreen:
    app.post_message(StartPreset(preset))
    await until(pilot, lambda: isinstance(app.screen, StartScreen), SECONDS)
    assert isinstance(app.screen, StartScreen)
    return app.screen


async def on(app: CureApp, pilot: Pilot[str], kind: type) -> None:
    await until(pilot, lambda: isinstance(app.screen, kind) and app.screen.focused is not None, SECONDS)


async def typed(app: CureApp, pilot: Pilot[str], key: str, value: str) -> None:
    """Open a line by its key, type a value and take it."""
    screen = app.screen
    await pilot.press(key)
    await on(app, pilot, EditScreen)
    await pilot.press(*value)
    await until(pilot, lambda: app.screen.query_one(Input).value == value, SECONDS)
    await pilot.press("enter")
    await until(pilot, lambda: app.screen is screen, SECONDS)


async def checked(screen: StartScreen, pilot: Pilot[str]) -> str:
    """Return what the dialog shows of its draft once that is checked."""
    await until(pilot, lambda: screen.checked is not None, SECONDS)
    await pilot.pause()
    return str(screen.query_one("#text", Static).content)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_limits_seed_name_and_any_setting_are_changed_and_started(
    started: list[Draft], size: tuple[int, int]
) -> None:
    app = CureApp()
    async with running(app, size) as pilot:
        screen = await dialog(app, pilot)
        await typed(app, pilot, "s", "9")
        await typed(app, pilot, "m", "2.5")
        await typed(app, pilot, "e", "3")
        await typed(app, pilot, "a", "my-run")
        await pilot.press("o")
        await on(app, pilot, SettingsScreen)
        await pilot.press(*"learning rate peak", "enter")
        await on(app, pilot, EditScreen)
        assert "peak learning rate of AdamW" in on_screen(app)
        assert "above 0 and at most 1" in on_screen(app)
        await pilot.press(*"0.001", "enter")
        await on(app, pilot, SettingsScreen)
        assert "(preset: 0.002)" in on_screen(app)
        await pilot.press("escape")
        report = await checked(screen, pilot)
        assert "It ends after 9 steps or 2.5 minutes" in report
        shown = on_screen(app)
        for text in ("my-run", "policy.learning_rate", "0.001", "preset: 220", "fits this machine"):
            assert text in shown
        await pilot.press("y")
        await until(pilot, lambda: started, SECONDS)
    changes = {"run.steps": "9", "run.max_minutes": "2.5", "run.seed": "3", "policy.learning_rate": "0.001"}
    assert started == [Draft("nano", changes=changes, name="my-run")]


async def test_a_value_that_cannot_be_is_said_while_it_is_typed_and_is_not_taken(started: list[Draft]) -> None:
    app = CureApp()
    async with running(app, (80, 24)) as pilot:
        screen = await dialog(app, pilot)
        await pilot.press("s")
        await on(app, pilot, EditScreen)
        await pilot.press("9", "x")
        await until(pilot, lambda: 'run.steps = "9x" should be a valid integer' in on_screen(app), SECONDS)
        await pilot.press("enter")
        assert isinstance(app.screen, EditScreen)
        await pilot.press("backspace", "enter")
        await until(pilot, lambda: app.screen is screen, SECONDS)
        await checked(screen, pilot)
        await pilot.press("s")
        await on(app, pilot, EditScreen)
        await pilot.press("7", "escape")  # left as it was
        await until(pilot, lambda: app.screen is screen, SECONDS)
        await pilot.press("delete")  # as the preset
        await checked(screen, pilot)
        await pilot.press("y")
        await until(pilot, lambda: started, SECONDS)
    assert started == [Draft("nano")]


async def test_a_yes_right_after_a_change_waits_for_its_check_and_a_fault_starts_nothing(started: list[Draft]) -> None:
    app = CureApp()
    async with running(app, (80, 24)) as pilot:
        screen = await dialog(app, pilot)
        await pilot.press("o")
        await on(app, pilot, SettingsScreen)
        await pilot.press(*"policy.precision", "enter")
        await on(app, pilot, PickScreen)
        await pilot.press("end", "enter")  # nf4, which does not go with fp32
        await on(app, pilot, SettingsScreen)
        await pilot.press("escape")
        report = await checked(screen, pilot)
        assert "✘" in report
        assert "nf4 weights do not go with" in report
        assert "cannot start" in on_screen(app)
        await pilot.press("y")
        await until(pilot, lambda: notices(app), SECONDS)
        assert started == []
        fields = screen.query_one(OptionList)
        fields.highlighted = fields.option_count - 1
        await pilot.press("delete")
        await pilot.press("y")  # at once
        await until(pilot, lambda: started, SECONDS)
    assert started == [Draft("nano")]


async def test_another_preset_and_its_variant_bring_their_own_plan(started: list[Draft]) -> None:
    app = CureApp()
    async with running(app, (80, 24)) as pilot:
        screen = await dialog(app, pilot)
        await pilot.press("p")
        await on(app, pilot, PickScreen)
        await until(pilot, lambda: "does not fit" in on_screen(app), SECONDS)
        await pilot.press("end", "enter")
        await until(pilot, lambda: app.screen is screen, SECONDS)
        assert "✘ no CUDA GPU" in await checked(screen, pilot)
        await pilot.press("v")
        await on(app, pilot, PickScreen)
        await pilot.press("end", "enter")
        await until(pilot, lambda: app.screen is screen, SECONDS)
        report = await checked(screen, pilot)
        assert "Start a run of preset qwen3-4b@80?" in report
        await pilot.press("left")
        assert "Start a run of preset qwen3-4b@48?" in await checked(screen, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not screen, SECONDS)
    assert started == []
