"""Adapter exports: one folder per version, none left behind, and a fallback when shared memory is full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.sampling.adapters import AdapterExports


class Source:
    """Adapter source that writes its version and reports a full disk below `full`."""

    def __init__(self, full: Path | None = None) -> None:
        self.weights_version, self._full = 0, full

    def export_adapter(self, path: Path) -> None:
        if self._full is not None and self._full in path.parents:
            raise RunError("no room", "make some")
        path.mkdir(parents=True)
        (path / "version").write_text(str(self.weights_version))


def folders(place: Path) -> list[Path]:
    return sorted(path for root in place.iterdir() for path in root.iterdir() if path.is_dir())


def test_a_version_is_written_once_and_replaces_the_one_before(tmp_path: Path) -> None:
    source = Source()
    exports = AdapterExports(source, tmp_path / "fallback", shared_memory=tmp_path)
    assert exports.latest() == exports.latest()
    _, first = exports.latest()
    source.weights_version = 7
    version, second = exports.latest()
    assert version == 7
    assert second != first  # every version has its own path
    assert (second / "version").read_text() == "7"
    assert folders(tmp_path) == [second]
    exports.close()
    assert not list(tmp_path.iterdir())


def test_where_shared_memory_is_full_the_other_folder_serves(tmp_path: Path) -> None:
    shared, fallback = tmp_path / "shared", tmp_path / "fallback"
    shared.mkdir()
    exports = AdapterExports(Source(full=shared), fallback, shared_memory=shared)
    _, folder = exports.latest()
    assert fallback in folder.parents
    assert not list(shared.iterdir())
    exports.close()


def test_without_room_anywhere_the_fault_is_told(tmp_path: Path) -> None:
    exports = AdapterExports(Source(full=tmp_path), tmp_path / "fallback", shared_memory=tmp_path)
    with pytest.raises(RunError, match="no room"):
        exports.latest()


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not(tmp_path: Path) -> None:
    holder = (
        "import sys, time; from pathlib import Path; from engine.sampling.adapters import AdapterExports\n"
        "kept = AdapterExports(None, Path(sys.argv[1]), shared_memory=Path(sys.argv[1])); print(1, flush=True)\n"
        "time.sleep(60)"
    )
    killed = subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    killed.stdout.readline()
    (left,) = tmp_path.iterdir()
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    living = AdapterExports(Source(), tmp_path, shared_memory=tmp_path)
    assert not left.exists()
    _, used = living.latest()
    AdapterExports(Source(), tmp_path, shared_memory=tmp_path).close()
    assert used.exists()
    living.close()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["FIFO", "link to a FIFO", "folder as a link"])
def test_what_another_user_leaves_in_shared_memory_is_neither_waited_for_nor_removed(tmp_path: Path, kind: str) -> None:
    shared, theirs = tmp_path / "shared", tmp_path / "theirs"
    left = shared / "cure-tui-adapters-theirs"
    theirs.mkdir()
    shared.mkdir()
    (theirs / "owner.lock").touch()
    if kind == "folder as a link":
        left.symlink_to(theirs)
    else:
        left.mkdir()
        os.mkfifo(theirs / "pipe")
        if kind == "FIFO":
            os.mkfifo(left / "owner.lock")
        else:
            (left / "owner.lock").symlink_to(theirs / "pipe")
    AdapterExports(Source(), tmp_path / "fallback", shared_memory=shared).close()
    assert left.exists()
    assert (theirs / "owner.lock").exists()
