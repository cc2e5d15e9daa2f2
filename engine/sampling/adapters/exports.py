"""Exports of the policy's adapter: a new folder per version of the weights, removed when it is no longer needed.

Every export has a new path, because the key of a sampler's prefix cache may contain it. Folders lie in /dev/shm where
that has room: an adapter of a few hundred MB is written after every update and read once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from engine.errors import RunError
from engine.machine.regular_files import plain_path
from engine.sampling.protocol import AdapterSource

SHARED_MEMORY = Path("/dev/shm")
_PREFIX = "cure-tui-adapters-"
_LOCK = "owner.lock"


class AdapterExports:
    """Exports of one `source`. fallback: a folder to use where shared memory is missing or full.

    The kernel releases the lock of a killed process, so the next process can tell its folder and remove it.
    """

    def __init__(self, source: AdapterSource, fallback: Path, shared_memory: Path = SHARED_MEMORY) -> None:
        self._source, self._fallback = source, fallback
        usable = shared_memory.is_dir() and os.access(shared_memory, os.W_OK | os.X_OK)
        self._root, self._lock = _make_root(shared_memory if usable else fallback)
        self._version: int | None = None
        self._folder: Path | None = None
        self._count = 0

    def latest(self) -> tuple[int, Path]:
        """Return version and folder of the current weights; export them if they changed. Raises RunError: no room."""
        version = self._source.weights_version
        if self._folder is None or version != self._version:
            folder = self._export()
            before, self._folder, self._version = self._folder, folder, version
            if before is not None:
                self.remove(before)
        return version, self._folder

    def new_folder(self, name: str) -> Path:
        """Return a path below the root that was never used before, for the caller to write to."""
        self._count += 1
        return self._root / f"{name}-{self._count:06d}"

    def remove(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        self._lock.close()

    def _export(self) -> Path:
        folder = self.new_folder("adapter")
        try:
            self._source.export_adapter(folder)
        except RunError:
            if self._root.parent == self._fallback:
                raise
            self.close()
            self._folder = None
            self._root, self._lock = _make_root(self._fallback)
            folder = self.new_folder("adapter")
            self._source.export_adapter(folder)
        return folder


def _make_root(parent: Path) -> tuple[Path, IO[bytes]]:
    """Create and lock a folder, after removing those whose owner has died. Raises RunError: not writable."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob(f"{_PREFIX}*"):
            _remove_if_abandoned(left)
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = (root / _LOCK).open("wb")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise RunError(f"cannot write adapters to {parent}: {error.strerror}", "free disk space there") from error
    return root, lock


def _remove_if_abandoned(folder: Path) -> None:
    # An OSError means another user's folder, a live owner, or one that has not created its lock yet: keep the folder.
    # Other users may write to shared memory, and put a FIFO or a link there.
    with contextlib.suppress(OSError), plain_path(folder, _LOCK) as file, open(file, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
