"""What the run screen asks of an engine is shown until it is done, in every dashboard; and what it saves and says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.run.screen import RunScreen
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, Inbox, pending, send
from engine.runs.journal import JournalWriter
from tests.cure_tui.dashboard.driving import drive, header_of, opened, until
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
    """A run that somebody is at work on, who does not look into the inbox."""
    with folder.lock():
        yield folder


async def live_screen(app: CureApp, pilot: Pilot[str]) -> RunScreen:
    screen = await opened(app, pilot)
    await until(pilot, lambda: screen.is_live)
    return screen


def test_a_pause_is_shown_from_the_key_on_until_it_begins(live: RunFolder) -> None:
    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
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

    drive(CureApp(live.path), steps)


def test_space_again_takes_a_pause_back_that_the_engine_has_not_seen(live: RunFolder) -> None:
    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
        screen = await live_screen(app, pilot)
        await pilot.press("space")
        await until(pilot, lambda: "pausing" in header_of(screen))
        await pilot.press("space")
        await until(pilot, lambda: "● live" in header_of(screen))
        assert pending(live.inbox) == ()

    drive(CureApp(live.path), steps)


def test_what_another_dashboard_asked_for_is_shown_and_can_be_taken_back(live: RunFolder) -> None:
    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
        screen = await live_screen(app, pilot)
        send(live.path, Command.PAUSE)
        await until(pilot, lambda: "pausing" in header_of(screen))
        await pilot.press("space")
        await until(pilot, lambda: "● live" in header_of(screen))
        assert pending(live.inbox) == ()

    drive(CureApp(live.path), steps)


def test_resume_never_pauses_a_run_that_is_under_way(live: RunFolder) -> None:
    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
        await live_screen(app, pilot)
        await pilot.press("r")
        assert pending(live.inbox) == ()

    drive(CureApp(live.path), steps)


def test_resume_of_a_finished_run_names_the_command_that_goes_on(folder: RunFolder) -> None:
    with JournalWriter(folder.journal) as journal:
        journal.run_finished(3, {"ended_by": "minutes"}, "8 min used up")

    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
        await opened(app, pilot)
        await pilot.press("r")
        await until(pilot, lambda: bool(app._notifications))
        (note,) = app._notifications
        assert note.message.startswith(f"run {RUN} is finished (8 min used up); go on: cure-tui resume {RUN} --steps ")

    drive(CureApp(folder.path), steps)


def test_the_limits_of_a_resumed_run_are_read_again(live: RunFolder) -> None:
    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
        screen = await live_screen(app, pilot)
        live.write_config(dump_toml(load_preset("nano", ["run.max_minutes=77"])))
        with JournalWriter(live.journal) as journal:
            journal.resumed(from_step=3, steps=9)
            await until(pilot, lambda: "step 2/9" in header_of(screen))
        assert screen._max_minutes == 77

    drive(CureApp(live.path), steps)


def test_a_checkpoint_and_a_stop_are_shown_until_the_step_has_ended(folder: RunFolder) -> None:
    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
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
                await until(pilot, lambda: not screen._newest.pending)
                assert "stopping after this step" in header_of(screen)
                journal.checkpoint(4, name="step-4", seconds=0.1)
                await until(pilot, lambda: "checkpoint requested" not in header_of(screen))
                journal.run_stopped(4, "stop")
        await until(pilot, lambda: "■ stopped" in header_of(screen))

    drive(CureApp(folder.path), steps)


def test_the_title_follows_the_run_and_is_the_dashboards_own_again_at_home(live: RunFolder) -> None:
    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
        await live_screen(app, pilot)
        assert app.window_title == f"3/3 live {RUN}"
        send(live.path, Command.PAUSE)
        await until(pilot, lambda: app.window_title == f"3/3 pausing after this phase {RUN}")
        await pilot.press("escape")
        await until(pilot, lambda: app.window_title == "cure-tui")

    drive(CureApp(live.path), steps)


def test_the_screen_is_saved_as_a_picture_that_asks_nobody_for_a_font(folder: RunFolder) -> None:
    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
        await opened(app, pilot)
        await pilot.press("ctrl+s")
        await pilot.pause()

    drive(CureApp(folder.path), steps)
    (picture,) = (folder.path / "exports").iterdir()
    drawn = picture.read_text()
    assert picture.name.startswith("screen-")
    assert drawn.startswith("<svg")
    assert RUN in drawn
    assert "@font-face" not in drawn
    assert "url(http" not in drawn.replace("url(#", "")


def test_the_palette_saves_the_screen_without_itself(folder: RunFolder) -> None:
    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
        await opened(app, pilot)
        await pilot.press("ctrl+p", *"save the screen")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await until(pilot, lambda: (folder.path / "exports").is_dir())

    drive(CureApp(folder.path), steps)
    (picture,) = (folder.path / "exports").iterdir()
    assert "Search" not in picture.read_text()


def test_a_picture_that_cannot_be_saved_says_why(folder: RunFolder) -> None:
    (folder.path / "exports").write_text("no folder")
    said: list[str] = []

    async def steps(app: CureApp, pilot: Pilot[str]) -> None:
        await opened(app, pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app._notifications)
        said.extend(note.message for note in app._notifications)

    drive(CureApp(folder.path), steps)
    assert any("cannot write to" in text for text in said)
