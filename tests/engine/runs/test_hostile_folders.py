"""Run folders made by somebody else: links, FIFOs, devices are refused, and nothing is written outside."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.runs.archive import ArchiveWriter
from engine.runs.archive_reader import ArchiveReader
from engine.runs.checkpoints import CheckpointStore
from engine.runs.files import KNOWN_FILES, KNOWN_FOLDERS, WRITTEN_FILES, write_file
from engine.runs.folder import RunFolder
from engine.runs.heartbeat import Heartbeat
from engine.runs.inbox import Command, Inbox, pending, send
from engine.runs.journal import JournalReader, JournalWriter
from engine.runs.listing import RunCondition, list_runs, read_info
from engine.runs.live import LiveReader, LiveWriter
from engine.runs.records import StepRecord

pytestmark = pytest.mark.timeout(180)
PRECIOUS = "precious\n"


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    path = tmp_path / "precious"
    path.write_text(PRECIOUS)
    return path


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    make(path)


ODD: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "device": lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)),
    "socket": lambda path: socket.socket(socket.AF_UNIX).bind(os.path.relpath(path)),
    "folder": os.mkdir,
}


@pytest.mark.parametrize("name", KNOWN_FILES)
def test_a_link_in_place_of_a_file_of_the_run_is_refused_in_one_line(run: RunFolder, precious: Path, name: str) -> None:
    replace(run.path / name, lambda path: path.symlink_to(precious))
    with pytest.raises(RunError, match=f"refused: {name} is a link"):
        RunFolder.open(run.path)
    (listed,) = list_runs(run.path.parent)
    assert listed.state is RunCondition.UNREADABLE
    assert "refused" in listed.fault
    assert "\n" not in listed.fault
    assert precious.read_text() == PRECIOUS


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ["version", "events.jsonl", "rollouts.sqlite-wal", "lock", "config.toml"])
def test_nothing_that_could_block_is_opened(run: RunFolder, name: str, kind: str, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(run.path)
    replace(run.path / name, ODD[kind])
    with pytest.raises(RunError, match=f"refused: {name} is a {kind}"):
        RunFolder.open(run.path)
    assert [each.state for each in list_runs(run.path.parent)] == [RunCondition.UNREADABLE]


@pytest.mark.parametrize("name", KNOWN_FOLDERS)
def test_a_link_in_place_of_a_folder_of_the_run_is_refused(run: RunFolder, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if (run.path / name).exists():
        (run.path / name).rmdir()
    (run.path / name).symlink_to(elsewhere)
    with pytest.raises(RunError, match=f"refused: {name} is a link"):
        RunFolder.open(run.path)
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("name", [name for name in WRITTEN_FILES if "/" not in name])
def test_an_engine_does_not_write_into_a_hard_link(run: RunFolder, precious: Path, name: str) -> None:
    replace(run.path / name, lambda path: path.hardlink_to(precious))
    with pytest.raises(RunError, match="is a hard link"):
        run.lock()
    assert precious.read_text() == PRECIOUS


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_a_link_put_there_after_the_run_was_opened_is_refused_by_each_writer(
    run: RunFolder, precious: Path, make: Callable[[Path, Path], None]
) -> None:
    modified = precious.stat().st_mtime_ns
    for name in ("events.jsonl", "rollouts.sqlite", "lock"):
        replace(run.path / name, lambda path: make(path, precious))
    for write in (lambda: JournalWriter(run.journal), lambda: ArchiveWriter(run.archive), run.lock):
        with pytest.raises(RunError, match=r"is a (hard )?link"):
            write()
    for name in ("heartbeat", "live", ".live.tmp", ".config.toml.tmp", "config.toml", ".version.tmp"):
        replace(run.path / name, lambda path: make(path, precious))
    Heartbeat(run.heartbeat).close()
    LiveWriter(run.live).flush()
    run.write_config("new = 1\n")
    replace(run.checkpoints / ".best.tmp", lambda path: make(path, precious))
    store = CheckpointStore(run.checkpoints)
    store.save(1, lambda folder: (folder / "weights").write_text("w") and None)
    replace(run.checkpoints / "best", lambda path: make(path, precious))
    store.mark_best(1)
    assert run.config.read_text() == "new = 1\n"
    assert (precious.read_text(), precious.stat().st_mtime_ns) == (PRECIOUS, modified)


def test_links_and_fifos_in_the_inbox_are_no_commands_and_are_removed(run: RunFolder, precious: Path) -> None:
    (precious.parent / "word").write_text("stop")
    (run.inbox / "1").symlink_to(precious.parent / "word")
    os.mkfifo(run.inbox / "2")
    send(run.path, Command.PAUSE)
    assert pending(run.inbox) == (Command.PAUSE,)
    noted: list[str] = []
    assert Inbox(run.inbox, noted.append).poll() == [Command.PAUSE]
    assert len(noted) == 2
    assert not list(run.inbox.iterdir())
    assert precious.read_text() == PRECIOUS


def test_leftovers_in_the_checkpoints_that_are_links_are_removed_as_links(run: RunFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    for name in (".tmp-000001", ".drop-1", ".old-x", ".old-000002", "step-000003"):
        (run.checkpoints / name).symlink_to(elsewhere)
    run.lock().close()
    assert CheckpointStore(run.checkpoints).latest() is None
    assert (elsewhere / "file").exists()


@pytest.mark.parametrize("name", ["../../../precious", "/etc/hostname", "weights/../../../../precious"])
def test_a_manifest_names_no_file_outside_of_its_checkpoint(run: RunFolder, precious: Path, name: str) -> None:
    store = CheckpointStore(run.checkpoints)
    saved = store.save(1, lambda folder: (folder / "weights").write_text("w") and None)
    manifest = saved.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"weights"', f'"{name}"'))
    assert store.latest() is None


def test_a_checkpoint_with_a_link_in_it_is_not_whole(run: RunFolder, precious: Path) -> None:
    store = CheckpointStore(run.checkpoints)
    saved = store.save(1, lambda folder: (folder / "weights").write_text("w") and None)
    (saved.path / "more").symlink_to(precious)
    assert store.latest() is None


def test_readers_of_a_folder_that_changes_under_them_follow_no_link(run: RunFolder, precious: Path) -> None:
    journal, live = JournalReader(run.journal), LiveReader(run.live)
    replace(run.journal, os.mkfifo)
    replace(run.live, os.mkfifo)
    with pytest.raises(RunError, match=r"events\.jsonl is a FIFO"):
        journal.poll()
    assert live.read() is None
    assert read_info(run.path).state is RunCondition.UNREADABLE


def test_a_rollback_journal_never_makes_sqlite_delete_a_file_elsewhere(
    run: RunFolder, precious: Path, make_step: Callable[..., StepRecord]
) -> None:
    with ArchiveWriter(run.archive) as archive:
        archive.write_step(make_step(1))
    with sqlite3.connect(run.archive) as db:
        db.execute("PRAGMA journal_mode=DELETE")
    pages = run.archive.stat().st_size // 4096
    name = str(precious).encode()
    magic = bytes.fromhex("d9d505f920a163d7")
    header = magic + struct.pack(">IIIII", 0, 0, pages, 512, 4096)
    named = struct.pack(">I", 0x40000000 // 4096 + 1) + name + struct.pack(">II", len(name), sum(name)) + magic
    (run.path / "rollouts.sqlite-journal").write_bytes(header.ljust(512, b"\0") + named)
    with pytest.raises(RunError, match="SQLite would delete"):
        ArchiveWriter(run.archive)
    assert precious.read_text() == PRECIOUS


@pytest.mark.parametrize(
    "crafted",
    [
        "CREATE TRIGGER t AFTER DELETE ON steps BEGIN DELETE FROM blobs; END",
        "CREATE VIEW more AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
        "DROP INDEX rollouts_by_task",
    ],
)
def test_an_archive_with_tables_of_another_make_is_damaged(run: RunFolder, crafted: str) -> None:
    ArchiveWriter(run.archive).close()
    with sqlite3.connect(run.archive) as db:
        db.execute(crafted)
    for open_it in (ArchiveReader, ArchiveWriter):
        with pytest.raises(RunError, match=r"damaged: rollouts\.sqlite has tables of another make"):
            open_it(run.archive)


@pytest.mark.parametrize("crafted", ["block BLOB AS (zeroblob(9e8))", "block BLOB CHECK(hex(zeroblob(4e8)) > 0)"])
def test_a_search_index_with_columns_that_are_worked_out_is_damaged(run: RunFolder, crafted: str) -> None:
    ArchiveWriter(run.archive).close()
    with sqlite3.connect(run.archive) as db:
        db.execute("PRAGMA writable_schema=ON")
        table = f"CREATE TABLE 'search_data'(id INTEGER PRIMARY KEY, {crafted})"
        db.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'search_data'", (table,))
    for open_it in (ArchiveReader, ArchiveWriter):
        with pytest.raises(RunError, match=r"damaged: rollouts\.sqlite has tables of another make"):
            open_it(run.archive)


def test_a_new_run_is_its_owners_alone_whatever_the_umask(own_home: Path, make_step: Callable[..., StepRecord]) -> None:
    before = os.umask(0)
    try:
        run = RunFolder.create(own_home / "runs" / "mine", "")
        with run.lock(), JournalWriter(run.journal), Heartbeat(run.heartbeat), ArchiveWriter(run.archive) as archive:
            archive.write_step(make_step(1))
            CheckpointStore(run.checkpoints).save(1, lambda folder: None)
            LiveWriter(run.live).flush()
            send(run.path, Command.PAUSE)
            write_file(run.path, "config.toml", b"")
            modes = {
                path.relative_to(run.path): stat.S_IMODE(path.stat().st_mode)
                for path in (run.path, *run.path.rglob("*"))
                if "step-" not in path.parent.name
            }
    finally:
        os.umask(before)
    assert set(modes.values()) <= {0o600, 0o700}, modes
