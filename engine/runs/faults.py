"""Translation of operating-system and SQLite errors on a run folder into a RunError with a remedy."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import RunError
from engine.machine.home import HOME_VARIABLE, run_name
from engine.machine.regular_files import OddFile

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}
_NEARLY_NOTHING_BYTES = 1 << 16


@contextmanager
def run_faults(run_dir: Path) -> Iterator[None]:
    """Turn an OSError or SQLite error of this block into a RunError with a remedy."""
    try:
        yield
    except OSError as error:
        raise _from_os(error, run_dir) from error
    except sqlite3.DatabaseError as error:
        raise _from_sqlite(error, run_dir) from error
    except UnicodeDecodeError as error:  # sqlite3's, for names and definitions of tables
        raise damaged(run_dir, "its rollout archive has text that is not UTF-8") from error


def disk_full(run_dir: Path) -> RunError:
    """Return the error of a full disk under `run_dir`. What was written stays; the run can be resumed."""
    return RunError(
        f"the disk that holds run {run_dir.name} is full",
        f"free space on {_nearest(run_dir)}, then `cure-tui resume {run_name(run_dir)}`",
    )


def read_only(run_dir: Path, reason: str) -> RunError:
    return RunError(
        f"run folder {run_dir} cannot be written: {reason}",
        f"make it writable, or put runs elsewhere with --run-dir or {HOME_VARIABLE}",
    )


def has_no_space(run_dir: Path) -> bool:
    """Return whether the file system under `run_dir` is practically full.

    Libraries wrap ENOSPC in exceptions of their own (torch.save a RuntimeError, safetensors its own class): the free
    space tells a full disk from a defect.
    """
    try:
        return shutil.disk_usage(_nearest(run_dir)).free < _NEARLY_NOTHING_BYTES
    except OSError:
        return False


def damaged(run_dir: Path, what: str) -> RunError:
    """Return the error of a file whose contents no engine can have written; `what` says what is wrong."""
    return RunError(f"run {run_dir.name} is damaged: {what}", "the rest of the run can still be read")


def _from_os(error: OSError, run_dir: Path) -> RunError:
    if isinstance(error, OddFile):
        remedy = f"a run holds plain files of its own; look at {run_dir}, and put a copy of the file in its place"
        return RunError(error.strerror or "", remedy)
    if error.errno in _FULL:
        return disk_full(run_dir)
    reason = (error.strerror or str(error)).lower()
    if error.errno in _REFUSED:
        return read_only(run_dir, reason)
    return RunError(f"run folder {run_dir} cannot be used: {reason}", f"look at {error.filename or run_dir}")


def _from_sqlite(error: sqlite3.DatabaseError, run_dir: Path) -> RunError:
    # Only errors of SQLite itself carry a code; one of the Python module means misuse by this program.
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and has_no_space(run_dir)):
        return disk_full(run_dir)
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return read_only(run_dir, str(error))
    if primary == sqlite3.SQLITE_INTERRUPT:
        return damaged(run_dir, "its rollout archive takes too long to read")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return RunError(
            f"the rollout archive of run {run_dir.name} is corrupt: {error}",
            f"move {run_dir / '*.sqlite'} away: the run can continue without its past rollouts",
        )
    return RunError(f"the rollout archive of run {run_dir.name} cannot be used: {error}", f"look at {run_dir}")


def _nearest(path: Path) -> Path:
    """Return `path` or its closest parent that exists."""
    return next((place for place in (path, *path.parents) if place.exists()), Path("/"))
