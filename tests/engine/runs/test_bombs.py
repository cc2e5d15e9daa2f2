"""Contents of a run that no engine wrote: each is one line, in little time and memory."""

from __future__ import annotations

import json
import resource
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.runs.archive import ArchiveWriter
from engine.runs.archive_reader import ArchiveReader
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalReader, JournalWriter
from engine.runs.listing import list_runs, read_state
from engine.runs.live import LiveReader
from engine.runs.records import StepRecord

pytestmark = pytest.mark.timeout(180)
MOST_MB, MOST_SECONDS = 300, 5.0


@pytest.fixture
def archive(run: RunFolder, make_step: Callable[..., StepRecord]) -> Path:
    with ArchiveWriter(run.archive) as writer:
        writer.write_step(make_step(1))
    return run.archive


@pytest.fixture(autouse=True)
def _in_bounds() -> Iterator[None]:
    """Hold each test to the bounds: the time is this process's own, for others may use the machine, too."""
    before, started, clock = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time(), time.monotonic()
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MB * 1024
    assert time.process_time() - started < MOST_SECONDS
    assert time.monotonic() - clock < 10 * MOST_SECONDS


def bomb(gigabytes: int = 3) -> bytes:
    """Return a few megabytes that unpack to `gigabytes`: one compressed megabyte, again and again."""
    packer = zlib.compressobj(9)
    start = packer.compress(b"x") + packer.flush(zlib.Z_FULL_FLUSH)
    megabyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + megabyte * (1024 * gigabytes)


def packed(value: object) -> bytes:
    return zlib.compress(json.dumps(value).encode())


DAMAGED: dict[str, tuple[str, object]] = {
    "bad JSON": ("UPDATE blobs SET body = ?", zlib.compress(b"[[")),
    "deep JSON": ("UPDATE blobs SET body = ?", zlib.compress(b"[" * 200_000)),
    "lists in lists": ("UPDATE blobs SET body = ?", zlib.compress(b"[" + b"[]," * 5_000_000 + b"[]]")),
    "a string of another kind": ("UPDATE blobs SET body = ?", packed([[1, 2, None]])),
    "an object": ("UPDATE blobs SET body = ?", packed({"a": 1})),
    "no zlib": ("UPDATE blobs SET body = ?", b"plain"),
    "half a text": ("UPDATE blobs SET body = ?", packed("x" * 5000)[:-9]),
    "a text instead of bytes": ("UPDATE blobs SET body = ?", "text"),
    "no number of programs": ("UPDATE matrices SET programs = ?", "many"),
    "as many programs as there are atoms": ("UPDATE matrices SET programs = ?", 1 << 60),
    "a billion tests": ("UPDATE matrices SET tests = ?", 1_000_000_000),
    "less than no tests": ("UPDATE matrices SET tests = ?", -1),
    "an unknown outcome": ("UPDATE matrices SET status = ?", b"\xff" * 6),
    "half of the milliseconds": ("UPDATE matrices SET milliseconds = ?", b"\xff" * 3),
    "another side": ("UPDATE matrices SET side = side || ?", "x"),
    "outputs that are not there": ("UPDATE matrices SET outputs = ?", packed({"texts": ["a"], "index": [[7]]})),
    "outputs from behind": ("UPDATE matrices SET outputs = ?", packed({"texts": ["a"], "index": [[-1]]})),
    "a role that no model has": ("UPDATE rollouts SET role = ?", "judge"),
    "tokens in words": ("UPDATE rollouts SET tokens = ?", "several"),
    "bytes for a status": ("UPDATE rollouts SET status = ?", b"ok"),
    "an answer longer than its text": ("UPDATE rollouts SET answer_bytes = ?", 1 << 40),
    "a place in the group below 0": ("UPDATE rollouts SET idx = ?", -5),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_row_that_no_engine_wrote_is_one_line(archive: Path, case: str) -> None:
    query, value = DAMAGED[case]
    with sqlite3.connect(archive) as db:
        db.execute(query, (value,))
    db.close()
    with ArchiveReader(archive) as reader, pytest.raises(RunError, match="is damaged") as raised:
        reader.read_task(1, reader.tasks(1)[0])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("table", ["blobs", "rollouts"])
def test_three_megabytes_that_unpack_to_three_gigabytes_are_damaged(archive: Path, table: str) -> None:
    with sqlite3.connect(archive) as db:
        db.execute(f"UPDATE {table} SET body = ?", (bomb(),))
    db.close()
    with ArchiveReader(archive) as reader:
        with pytest.raises(RunError, match="text of more than 24 MiB"):
            reader.read_task(1, reader.tasks(1)[0])
        ids = list(reader.find())
        with pytest.raises(RunError, match="text of more than 24 MiB") if table == "rollouts" else nullcontext():
            reader.rollouts(ids)


def test_many_tasks_of_one_large_text_are_too_much_for_one_step(archive: Path) -> None:
    with sqlite3.connect(archive) as db:
        db.execute("UPDATE rollouts SET body = ?, answer_bytes = ?", (zlib.compress(b"x" * (20 << 20)), 20 << 20))
    db.close()
    with ArchiveReader(archive) as reader, pytest.raises(RunError, match="96 MiB of text at once"):
        reader.read_task(1, reader.tasks(1)[0])


STRANGE_LINES = {
    "an endless number": '"step":%s,"seconds":1,"time":1,"data":{}' % ("9" * 4000),
    "a step of words": '"step":"x","seconds":1,"time":1,"data":{}',
    "seconds beyond floats": '"step":1,"seconds":1%s,"time":1,"data":{}' % ("0" * 400),
    "no time": '"step":1,"seconds":1,"time":NaN,"data":{}',
    "infinite time": '"step":1,"seconds":1,"time":1e999,"data":{}',
    "a time after all calendars": '"step":1,"seconds":1,"time":1e18,"data":{}',
    "a deep list": '"step":1,"seconds":1,"time":1,"data":{"a":%s}' % ("[" * 50_000),
    "steps below 0": '"step":-7,"seconds":1,"time":1,"data":{}',
}


@pytest.mark.parametrize("case", STRANGE_LINES)
@pytest.mark.parametrize("kind", ["step_finished", "notice", "evaluation"])
def test_a_line_that_no_engine_wrote_is_skipped(run: RunFolder, kind: str, case: str) -> None:
    with JournalWriter(run.journal) as journal:
        journal.run_started(preset="nano", steps=3, seed=1)
    with open(run.journal, "a") as file:
        file.write(f'{{"kind":"{kind}",{STRANGE_LINES[case]}}}\n')
    reader = JournalReader(run.journal)
    reader.poll()
    assert reader.skipped == 1
    assert len(list_runs(run.path.parent)) == 1


@pytest.mark.parametrize(
    "line",
    [
        '{"kind":"notice","step":1,"seconds":1,"time":1,"data":{}}\n',
        '{"kind":"asked","step":1,"seconds":1,"time":1,"data":{"command":"%d"}}\n',
        '{"kind":"step_finished","step":%d,"seconds":1,"time":1,"data":{"metrics":{"m%d":1}}}\n',
        '{"kind":"resumed","step":1,"seconds":1,"time":1,"data":{"from_step":9}}\n'
        '{"kind":"step_finished","step":3,"seconds":1,"time":1,"data":{"metrics":{"m%d":1}}}\n',
        '{"kind":"evaluation","step":1,"seconds":1,"time":1,"data":{"split":"%d","when":"end","summary":{}}}\n',
        "\n",
        "[[],[],[],[],[]]\n",
        '{"}\n',
    ],
)
def test_a_journal_of_some_megabytes_is_read_in_seconds(run: RunFolder, line: str) -> None:
    with JournalWriter(run.journal) as journal:
        journal.run_started(preset="nano", steps=3, seed=1)
    with open(run.journal, "a") as file:
        size = 0
        while size < 3_000_000:
            text = line.replace("%d", str(size))
            file.write(text * (1 if "%d" in line else 1000))
            size += len(text) * (1 if "%d" in line else 1000)
    with suppress(RunError):
        read_state(run.journal)
    list_runs(run.path.parent)


def test_a_line_without_an_end_is_refused(run: RunFolder) -> None:
    with open(run.journal, "wb") as file:
        file.truncate(100 << 30)  # takes no room on the disk
    with pytest.raises(RunError, match=r"events\.jsonl has a line of more than"):
        JournalReader(run.journal).poll()
    assert list_runs(run.path.parent)[0].fault


@pytest.mark.parametrize(
    "view",
    [
        b"[" * 100_000,
        b'{"time":"x","phase":1,"done":null,"total":[],"slots":[]}',
        b'{"time":1.0,"phase":"","done":1,"total":1,"slots":[{"slot":1}]}',
        b'{"time":1.0,"phase":"","done":1e999,"total":1,"slots":[]}',
        b'{"time":1.0,"phase":"","done":1,"total":1,"slots":7}',
        b"x" * (2 << 20),
    ],
)
def test_a_wall_that_no_engine_wrote_is_none(run: RunFolder, view: bytes) -> None:
    run.live.write_bytes(view)
    assert LiveReader(run.live).read() is None


def test_a_version_as_large_as_a_disk_is_refused(run: RunFolder) -> None:
    with open(run.path / "version", "wb") as file:
        file.truncate(100 << 30)
    with pytest.raises(RunError, match="version is larger than"):
        RunFolder.open(run.path)
