"""Lock that allows one engine per run: the kernel releases it when its holder dies; the file names the holder."""

from __future__ import annotations

import fcntl
import os
import socket
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from engine.errors import RunError
from engine.machine.home import run_name
from engine.runs.faults import run_faults
from engine.runs.files import open_file

_TRIES = 10  # `lock_holder` holds a shared lock for some microseconds, which must not make an engine give up
_PAUSE_SECONDS = 0.02
_PID_DIGITS = 10


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Process that wrote the lock file last. `pid` is None if the file names none.

    held: a process holds the lock now, by the kernel.
    alive: that process exists (always True for one on another host, which cannot be checked).
    """

    pid: int | None
    host: str
    held: bool
    alive: bool


class RunLock:
    """Lock held from construction to `close` or the death of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock. Raises RunError (exit status 6): another engine is running; `path` cannot be written."""
        with run_faults(path.parent):
            self._file = open_file(path.parent, path.name, os.O_RDWR | os.O_CREAT)
            if not _try_lock(self._file):
                os.close(self._file)
                self._file = -1
                raise _taken(path)
            # Only the holder of the lock writes, so the file never names a process that lost the race for it.
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n{socket.gethostname()}\n".encode(), 0)
        # A forked child shares the lock and would keep it after the engine was killed: it closes its copy at once.
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _forget(itself))

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def lock_holder(path: Path) -> LockHolder:
    """Return the process that holds a run's lock, or held it last. Works in read-only folders, blocks no engine."""
    try:
        file = open_file(path.parent, path.name)
    except FileNotFoundError:
        return LockHolder(None, "", held=False, alive=False)
    try:
        held = not _try_once(file, fcntl.LOCK_SH)
        lines = os.pread(file, 1000, 0).decode(errors="replace").split("\n")
    finally:
        os.close(file)
    number = lines[0]
    pid = int(number) if number.isascii() and number.isdigit() and 0 < len(number) < _PID_DIGITS else None
    host = lines[1] if len(lines) > 1 else ""
    elsewhere = bool(host) and host != socket.gethostname()
    return LockHolder(pid, host, held, alive=pid is not None and (elsewhere or _exists(pid)))


def is_locked(path: Path) -> bool:
    """Return whether an engine holds the lock file `path`."""
    return lock_holder(path).held


def _try_lock(file: int) -> bool:
    for _ in range(_TRIES):
        if _try_once(file, fcntl.LOCK_EX):
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


def _try_once(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken(path: Path) -> RunError:
    holder, name = lock_holder(path), run_name(path.parent)
    if holder.pid is not None and not holder.alive:
        return RunError(
            f"run {path.parent.name} is locked by processes that the dead engine, pid {holder.pid}, left behind",
            "end these processes, then resume",
        )
    where = f" on {holder.host}" if holder.host and holder.host != socket.gethostname() else ""
    return RunError(
        f"run {path.parent.name} is already running as pid {holder.pid}{where}",
        f"watch it with `cure-tui attach {name}`, or stop it first",
    )


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _forget(lock: weakref.ref[RunLock]) -> None:
    held = lock()
    if held is not None:
        held.close()
