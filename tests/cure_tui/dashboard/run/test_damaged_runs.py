"""Damaged archives in the dashboard: it says so and stays open."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

import pytest

from cure_tui.dashboard.app import CureApp
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from tests.cure_tui.dashboard.driving import notices, on_screen, opened, running, settled, until
from tests.cure_tui.recorded import record_run


def _large() -> bytes:
    packer = zlib.compressobj(9)
    start = packer.compress(b"x") + packer.flush(zlib.Z_FULL_FLUSH)
    megabyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + megabyte * 3072


@pytest.fixture
def folder(own_home: Path) -> RunFolder:
    folder = RunFolder.create(own_home / "runs" / "nano-20261125-1200-abc", dump_toml(load_preset("nano")))
    record_run(folder, 3)
    return folder


@pytest.mark.parametrize("body", [zlib.compress(b"[["), b"plain", _large()], ids=["bad JSON", "no zlib", "a bomb"])
@pytest.mark.parametrize("table", ["blobs", "rollouts"])
async def test_the_dashboard_shows_that_an_archive_is_damaged_and_stays_open(
    folder: RunFolder, table: str, body: bytes
) -> None:
    with sqlite3.connect(folder.archive) as db:
        db.execute(f"UPDATE {table} SET body = ?", (body,))
    db.close()
    app = CureApp(folder.path)
    async with running(app) as pilot:
        await opened(app, pilot)
        await pilot.press("2")
        await settled(app, pilot)
        await pilot.press("enter")
        await settled(app, pilot)
        await until(pilot, lambda: any("is damaged" in text for text in notices(app)))
        if table == "rollouts":
            assert "is damaged" in on_screen(app)
        await pilot.press("escape", "3")
        await settled(app, pilot)
        await until(pilot, lambda: "is damaged" in on_screen(app))
        assert app.is_running
