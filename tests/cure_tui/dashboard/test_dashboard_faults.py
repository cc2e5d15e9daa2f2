"""Faults around the dashboard: corrupt and missing files, full and read-only disks, a second dashboard, tiny terminals.

Each fault is reported where its user looks; the rest of the dashboard keeps working.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.matrix.widget import MatrixView
from cure_tui.dashboard.rollouts.widget import RolloutList
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.log import log_rows
from cure_tui.dashboard.run.screen import RunScreen
from cure_tui.drawing.spans import plain
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.inbox import Inbox
from tests.cure_tui.dashboard.driving import header_of, notices, opened, running, settled, terminal, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")
STEPS = 3
VIEW_KEYS = "123456"


def make_run(home: Path, *, finish: bool = True) -> RunFolder:
    folder = RunFolder.create(home / "nano-20261125-1200-abc", dump_toml(load_preset("nano")))
    record_run(folder, STEPS, finish=finish)
    return folder


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path / "home" / "runs")


@pytest.fixture
def unfinished(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path / "home" / "runs", finish=False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of two megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs takes root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> None:
    with open(place / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(b"x" * 4096)


def make_read_only(place: Path) -> None:
    """Remount a file system read-only: permissions do not stop root."""
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)


def live_elsewhere(run: RunFolder) -> None:
    """Make a run live as of another host: no file of it is open here, and its heartbeat lasts for an hour."""
    run.lock_file.write_text("4711\nanother-host\n")
    run.heartbeat.touch()
    in_an_hour = time.time() + 3600
    os.utime(run.heartbeat, (in_an_hour, in_an_hour))


def said(app: CureApp) -> str:
    """Return all notices on the screen."""
    return "\n".join(notices(app))


async def look_at_all(app: CureApp, pilot: Pilot[str]) -> None:
    for key in VIEW_KEYS:
        await pilot.press(key)
        await settled(app, pilot)


# What is in the folder ----------------------------------------------------------------------------------------------


async def test_garbage_and_a_torn_end_of_the_journal_are_counted_in_the_log(finished: RunFolder) -> None:
    lines = finished.journal.read_bytes().splitlines(keepends=True)
    lines[4:4] = [b"garbage\n", b"\x00\xff\xfe\n", b'{"kind": 7, "step": "x"}\n', b"[" * 5000 + b"\n"]
    finished.journal.write_bytes(b"".join(lines) + lines[-1][:20])
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        assert f"step {STEPS}/{STEPS}" in header_of(screen)
        assert "4 lines are not valid events; skipped" in plain(log_rows(screen.newest))
        await look_at_all(app, pilot)


@pytest.mark.parametrize("kept", [0, 1, 40])
async def test_a_journal_that_was_cut_off_is_an_unfinished_run(finished: RunFolder, kept: int) -> None:
    finished.journal.write_bytes(finished.journal.read_bytes()[:kept])
    an_hour_ago = time.time() - 3600
    os.utime(finished.config, (an_hour_ago, an_hour_ago))  # the engine of a young folder may be about to begin
    app = CureApp(finished.path)
    async with running(app) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: "crashed" in header_of(screen))
        await look_at_all(app, pilot)


async def test_a_journal_of_another_version_is_refused_in_the_header_with_the_remedy(finished: RunFolder) -> None:
    finished.journal.write_text(finished.journal.read_text().replace('"version":1', '"version":99'))
    app = CureApp(finished.path)
    async with running(app) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: "is a journal of version 99, this cure-tui reads version 1" in header_of(screen))
        await look_at_all(app, pilot)


async def test_a_run_folder_of_another_version_is_a_notice_on_the_home_screen(finished: RunFolder) -> None:
    (finished.path / "version").write_text("99\n")
    app = CureApp(finished.path)
    async with running(app) as pilot:
        await until(pilot, lambda: "is of version '99', this cure-tui reads 1" in said(app))
        assert not isinstance(app.screen, RunScreen)


def _remove(archive: Path) -> None:
    archive.unlink()


def _replace(archive: Path) -> None:
    archive.write_bytes(b"this is no database\n" * 400)


def _cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])


def _scribble(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    archive.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_remove, "has no rollouts yet"),
        (_replace, "is corrupt: file is not a database"),
        (_cut, "is corrupt: database disk image is malformed"),
        (_scribble, "is corrupt: database disk image is malformed"),
    ],
)
async def test_an_archive_that_cannot_be_read_is_said_in_every_view_of_it(
    finished: RunFolder, harm: Callable[[Path], None], words: str
) -> None:
    harm(finished.archive)
    app = CureApp(finished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await look_at_all(app, pilot)
        for pane in ("#overview", "#matrix"):
            assert words in screen.query_one(pane).query_one(MatrixView).nothing
        assert words in screen.archive.fault
        assert words in screen.query_one("#found", RowsView).text
        await pilot.press("2")
        await settled(app, pilot)
        assert words in screen.query_one(RolloutList).render_line(1).text


async def test_a_run_folder_that_is_deleted_while_it_is_watched_leaves_every_key_working(unfinished: RunFolder) -> None:
    app = CureApp(unfinished.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        shutil.rmtree(unfinished.path)
        await until(pilot, lambda: f"the folder {unfinished.path.name} is gone" in header_of(screen))
        await look_at_all(app, pilot)
        await pilot.press("[", "f", "space", "w", "x", "r")
        await until(pilot, lambda: f"{unfinished.path} does not exist" in said(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is not screen)
    assert not unfinished.path.exists()


# The disk -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("harm", "export_says", "command_says"),
    [
        (fill, "no space left on device", "the disk that holds run nano-20261125-1200-abc is full"),
        (make_read_only, "read-only file system", "cannot be written: read-only file system"),
    ],
)
async def test_on_a_disk_that_takes_nothing_all_is_read_and_what_is_not_written_is_said(
    small_disk: Path, harm: Callable[[Path], None], export_says: str, command_says: str
) -> None:
    run = make_run(small_disk, finish=False)
    live_elsewhere(run)
    harm(small_disk)
    app = CureApp(run.path)
    async with running(app) as pilot:
        screen = await opened(app, pilot)
        await until(pilot, lambda: screen.is_live)
        await look_at_all(app, pilot)
        assert len(screen.query_one(RolloutList).ids) == STEPS * 22
        await pilot.press("4", "e")
        await until(pilot, lambda: export_says in said(app))
        await pilot.press("2", "enter")
        await settled(app, pilot)
        await pilot.press("c")
        await until(pilot, lambda: said(app).count(export_says) == 2)  # once for both files, once for the copy
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("w")
        await until(pilot, lambda: command_says in said(app))
    assert Inbox(run.inbox).poll() == []


# More than one ------------------------------------------------------------------------------------------------------


async def test_two_dashboards_on_one_run_both_follow_it_and_both_command_it(unfinished: RunFolder) -> None:
    first, second = CureApp(unfinished.path), CureApp(unfinished.path)

    async def command(app: CureApp, key: str) -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(app, pilot)
            await until(pilot, lambda: screen.is_live)
            await pilot.press(key)
            await until(pilot, lambda: len(os.listdir(unfinished.inbox)) == 2, 60)  # the other's, too

    with unfinished.lock():
        await asyncio.gather(command(first, "space"), command(second, "w"))
    assert sorted(str(command) for command in Inbox(unfinished.inbox).poll()) == ["checkpoint", "pause"]


async def test_a_second_engine_is_refused_in_words(unfinished: RunFolder) -> None:
    with unfinished.lock():
        app = CureApp()
        async with running(app) as pilot:
            table = app.screen.query_one(DataTable)
            await until(pilot, lambda: table.row_count == 1)
            table.focus()
            await pilot.press("r")
            await until(pilot, lambda: f"is already running as pid {os.getpid()}" in said(app))


# The terminal -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (20, 5), (7, 60), (300, 2)])
async def test_a_terminal_may_be_of_any_size_for_a_while(finished: RunFolder, size: tuple[int, int]) -> None:
    app = CureApp(finished.path)
    async with running(app, (100, 30)) as pilot:
        await opened(app, pilot)
        for key in VIEW_KEYS:
            await pilot.press(key)
            await settled(app, pilot)
            before = plain_screen(app)
            await pilot.resize_terminal(*size)
            await settled(app, pilot)
            await pilot.press("down", "up")
            await pilot.resize_terminal(100, 30)
            await settled(app, pilot)
            assert plain_screen(app) == before, key


@pytest.mark.parametrize("size", [(1, 1), (20, 5)])
async def test_screens_above_the_run_stand_a_tiny_terminal(finished: RunFolder, size: tuple[int, int]) -> None:
    app = CureApp(finished.path)
    async with running(app, (80, 24)) as pilot:
        screen = await opened(app, pilot)
        for opening in ("3", "enter"), ("2", "enter"):
            await pilot.press(*opening)
            await until(pilot, lambda: app.screen is not screen)
            await assert_same_after(app, pilot, size)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is screen)
        await settled(app, pilot)
        before = plain_screen(app)
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen.query("HelpPanel"))
        await assert_same_after(app, pilot, size)
        await pilot.press("question_mark")
        await until(pilot, lambda: not app.screen.query("HelpPanel"))
        await settled(app, pilot)
        assert plain_screen(app) == before


async def assert_same_after(app: CureApp, pilot: Pilot[str], size: tuple[int, int]) -> None:
    """Make the terminal of 80 x 24 as small as `size` for a while; the same is drawn afterwards."""
    await settled(app, pilot)
    before = plain_screen(app)
    assert before.strip()
    await pilot.resize_terminal(*size)
    await settled(app, pilot)
    assert plain_screen(app) != before
    await pilot.resize_terminal(80, 24)
    await settled(app, pilot)
    assert plain_screen(app) == before


def plain_screen(app: CureApp) -> str:
    """Return the text on the screen."""
    columns, rows = app.size
    strips = terminal(app)
    return "\n".join(strip.text.rstrip() for strip in strips[:rows]) if columns else ""
