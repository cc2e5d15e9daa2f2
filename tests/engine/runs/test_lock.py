"""Lock of a run: it names its holder, dies with it, and no orphan of the holder keeps it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.runs.heartbeat import Heartbeat, seconds_since_beat
from engine.runs.lock import RunLock, is_locked, lock_holder

HOLD = """
import os, sys, time
from pathlib import Path
from engine.runs.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
if sys.argv[2] == "fork" and os.fork() == 0:
    print(os.getpid(), flush=True)
    time.sleep(60)
    os._exit(0)
if sys.argv[2] != "fork":
    print(os.getpid(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_a_second_engine_is_told_who_the_first_is(
    path: Path, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    engine = start_python(HOLD, path, "alone")
    assert engine.stdout is not None
    pid = int(engine.stdout.readline())
    with pytest.raises(RunError, match=f"already running as pid {pid}") as caught:
        RunLock(path)
    assert caught.value.exit_status == 6
    assert "attach" in caught.value.remedy
    holder = lock_holder(path)
    assert (holder.pid, holder.held, holder.alive) == (pid, True, True)
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    assert not is_locked(path)
    assert not lock_holder(path).alive
    with RunLock(path):
        assert lock_holder(path).pid == os.getpid()


def test_a_child_that_outlives_a_killed_engine_does_not_keep_its_lock(
    path: Path, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    engine = start_python(HOLD, path, "fork")
    assert engine.stdout is not None
    child = int(engine.stdout.readline())
    try:
        assert is_locked(path)
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        os.kill(child, 0)
        assert not is_locked(path)
    finally:
        os.kill(child, signal.SIGKILL)


def test_two_locks_in_one_process_exclude_each_other(path: Path) -> None:
    with RunLock(path) as lock:
        with pytest.raises(RunError, match="already running"):
            RunLock(path)
        lock.close()
        RunLock(path).close()
    assert not is_locked(path)


def test_asking_neither_makes_the_file_nor_minds_nonsense_in_it(path: Path) -> None:
    assert lock_holder(path).pid is None
    assert not path.exists()
    path.write_bytes(b"\xff\xfe nonsense")
    assert (lock_holder(path).pid, lock_holder(path).held) == (None, False)


def test_the_heart_beats_at_once_again_and_at_the_end(path: Path) -> None:
    assert seconds_since_beat(path) is None
    with Heartbeat(path, seconds=0.001):
        assert path.exists()
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 100
        while path.stat().st_mtime == 0:
            assert time.monotonic() < deadline, "the heart beat only once"
            time.sleep(0.001)
        os.utime(path, (0, 0))
    age = seconds_since_beat(path)
    assert age is not None
    assert age < 60


def test_a_heart_that_cannot_beat_stops_nothing(tmp_path: Path) -> None:
    Heartbeat(tmp_path / "no such folder" / "heartbeat").close()
