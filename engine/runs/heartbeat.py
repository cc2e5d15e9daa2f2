"""Heartbeat of a run: a thread touches one file, which tells a quiet engine from a dead one."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from types import TracebackType

from engine.runs.files import modified, open_file

BEAT_SECONDS = 2.0


class Heartbeat:
    """Thread that touches `path` at once and then every `seconds` until `close`.

    It shows that the process is alive, not that it makes progress: the journal shows that. A beat that fails, on a
    full or read-only disk, is skipped: it must not stop a run.
    """

    def __init__(self, path: Path, seconds: float = BEAT_SECONDS) -> None:
        self._path, self._seconds = path, seconds
        self._over = threading.Event()
        self._beat()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread after a last beat. `RunFolder.lock` drops commands sent before it, to this engine."""
        self._over.set()
        self._thread.join()
        self._beat()

    def __enter__(self) -> Heartbeat:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        while not self._over.wait(self._seconds):
            self._beat()

    def _beat(self) -> None:
        with contextlib.suppress(OSError):
            file = open_file(self._path.parent, self._path.name, os.O_WRONLY | os.O_CREAT)
            try:
                os.utime(file)
            finally:
                os.close(file)


def last_beat(path: Path) -> float | None:
    """Return the Unix time of the last beat; None if there never was one."""
    return modified(path.parent, path.name)


def seconds_since_beat(path: Path) -> float | None:
    """Return the age of the last beat in seconds; None if there never was one."""
    beat = last_beat(path)
    return None if beat is None else max(0.0, time.time() - beat)
