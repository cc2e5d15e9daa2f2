"""Commands of the run screen to an engine: every dashboard shows one until it is done; saved pictures, notices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.edit import EditScreen
from cure_tui.dashboard.run.screen import RunScreen
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, Inbox, pending, send
from engine.runs.journal import JournalWriter
from tests.cure_tui.dashboard.driving import found_in_palette, header_of, notices, on_screen, opened, running, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")
RUN = "nano-20261125-1200-abc"


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder.create(tmp_path / "home" / "runs" / RUN, dump_toml(load_preset("nano")))
    record_run(folder, 3, finish=False)
    return folder


@pytest.fixture
def live(folder: RunFolder) -> Iterator[RunFolder]:
    """Return a live run whose engine never reads its inbox."""
    with folder.lock():
        yield folder


async def live_screen(app: CureApp, pilot: Pilot[str]) -> RunScreen:
    screen = await opened(app, pilot)
    await until(pilot, lambda: screen.is_live)
    return screen


async def test_a_pause_is_shown_from_the_key_on_until_it_begins(live: RunFolder) -> None:
    app = CureApp(live.path)
    async with running(app) as pilot:
        screen = await live_screen(app, pilot)
        await pilot.press("space")
        await until(pilot, lambda: "pausing after this phase" in header_of(screen))
        assert Inbox(live.inbox).poll() == [Command.PAUSE]
        with JournalWriter(live.journal) as journal:
            journal.paused(3)
            await until(pilot, lambda: "⏸ paused" in header_of(screen))
            await pilot.press("space")
            await until(pilot, lambda: "resuming" in header_of(screen))
            assert Inbox(live.inbox).poll() == [Command.RESUME]
            journal.continued(3)
        await until(pilot, lambda: "● live" in header_of(screen))


async def test_space_again_takes_a_pause_back_that_the_engine_has_not_seen(live: RunFolder) -> None:
    app = CureApp(live.path)
    async with running(app) as pilot:
        screen = await live_screen(app, pilot)
        await pilot.press("space")
        await until(pilot, lambda: "pausing" in header_of(screen))
        await pilot.press("space")
        await until(pilot, lambda: "● live" in header_of(screen))
        assert pending(live.inbox) == ()


async def test_what_another_dashboard_asked_for_is_shown_and_can_be_taken_back(live: RunFolder) -> None:
    app = CureApp(live.path)
    async with running(app) as pilot:
        screen = await live_screen(app, pilot)
        send(live.path, Command.PAUSE)
        await until(pilot, lambda: "pausing" in header_of(screen))
        await pilot.press("space")
        await until(pilot, lambda: "● live" in header_of(screen))
        assert pending(live.inbox) == ()


async def test_resume_never_pauses_a_run_that_is_under_way(live: RunFolder) -> None:
    app = CureApp(live.path)
    async with running(app) as pilot:
        await live_screen(app, pilot)
        await pilot.press("r")
        assert pending(live.inbox) == ()


async def test_a_run_that_has_used_up_its_minutes_asks_for_more_and_says_why_it_has_ended(folder: RunFolder) -> None:
    with JournalWriter(folder.journal) as journal:
        journal.run_finished(3, {"ended_by": "minutes"}, "no time for another step within 8 min")
    app = CureApp(folder.path)
    async with running(app) as pilot:
        await opened(app, pilot)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, EditScreen))
        said = " ".join(on_screen(app).replace("│", " ").split())
        assert f"run {RUN} is finished (no time for another step within 8 min)" in said
        assert not notices(app)


async def test_a_run_that_ended_by_drift_is_not_to_be_extended(folder: RunFolder) -> None:
    with JournalWriter(folder.journal) as journal:
        journal.run_finished(3, {"ended_by": "drift"}, "the policy has left its base")
    app = CureApp(folder.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("r")
        await until(pilot, lambda: notices(app))
        (note,) = notices(app)
        assert note.startswith(f"run {RUN} is finished (the policy has left its base)")
        assert app.screen is screen


async def test_the_limits_of_a_resumed_run_are_read_again(live: RunFolder) -> None:
    app = CureApp(live.path)
    async with running(app) as pilot:
        screen = await live_screen(app, pilot)
        live.write_config(dump_toml(load_preset("nano", ["run.max_minutes=77"])))
        with JournalWriter(live.journal) as journal:
            journal.resumed(from_step=3, steps=10**9)
            await until(pilot, lambda: "step 2/" in header_of(screen))
        assert re.search(r"left 1:(16|17):\d\d", header_of(screen)), header_of(screen)


async def test_a_checkpoint_and_a_stop_are_shown_until_the_step_has_ended(folder: RunFolder) -> None:
    app = CureApp(folder.path)
    async with running(app) as pilot:
        with folder.lock():
            screen = await live_screen(app, pilot)
            await pilot.press("w")
            await until(pilot, lambda: "checkpoint requested" in header_of(screen))
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, AskScreen))
            await pilot.press("s")
            await until(pilot, lambda: "stopping after this step" in header_of(screen))
            with JournalWriter(folder.journal) as journal:
                for command in Inbox(folder.inbox).poll():
                    journal.asked(3, command)
                await until(pilot, lambda: not screen.newest.pending)
                assert "stopping after this step" in header_of(screen)
                journal.checkpoint(4, name="step-4", seconds=0.1)
                await until(pilot, lambda: "checkpoint requested" not in header_of(screen))
                journal.run_stopped(4, "stop")
        await until(pilot, lambda: "■ stopped" in header_of(screen))


async def test_the_title_follows_the_run_and_is_the_dashboards_own_again_at_home(live: RunFolder) -> None:
    app = CureApp(live.path)
    async with running(app) as pilot:
        await live_screen(app, pilot)
        assert app.window_title == f"3/3 live {RUN}"
        send(live.path, Command.PAUSE)
        await until(pilot, lambda: app.window_title == f"3/3 pausing after this phase {RUN}")
        await pilot.press("escape")
        await until(pilot, lambda: app.window_title == "cure-tui")


async def test_the_screen_is_saved_as_a_picture_that_asks_nobody_for_a_font(folder: RunFolder) -> None:
    app = CureApp(folder.path)
    async with running(app) as pilot:
        await opened(app, pilot)
        await pilot.press("ctrl+s")
        await pilot.pause()
    (picture,) = (folder.path / "exports").iterdir()
    drawn = picture.read_text()
    assert picture.name.startswith("screen-")
    assert drawn.startswith("<svg")
    assert RUN in drawn
    assert "@font-face" not in drawn
    assert "url(http" not in drawn.replace("url(#", "")


async def test_the_palette_saves_the_screen_without_itself(folder: RunFolder) -> None:
    app = CureApp(folder.path)
    async with running(app) as pilot:
        await opened(app, pilot)
        await pilot.press("ctrl+p", *"save the screen")
        await found_in_palette(app, pilot, "save the screen")
        await pilot.press("enter")
        await until(pilot, lambda: (folder.path / "exports").is_dir())
    (picture,) = (folder.path / "exports").iterdir()
    assert "Search" not in picture.read_text()


async def test_a_picture_that_cannot_be_saved_says_why(folder: RunFolder) -> None:
    (folder.path / "exports").write_text("no folder")
    said: list[str] = []
    app = CureApp(folder.path)
    async with running(app) as pilot:
        await opened(app, pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: notices(app))
        said.extend(notices(app))
    assert any("cannot write to" in text for text in said)
