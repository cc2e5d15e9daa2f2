"""Only way to the files of a run folder, for reading and for writing: whoever made the folder, nothing leads out of it.

Names are relative to the run: "events.jsonl", "inbox/17-pause". Each folder on the way is opened relative to the one
before it, without following links (`engine.machine.regular_files`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from engine.machine.regular_files import (
    OWNER_ONLY_FOLDER,
    OddFile,
    check_kind,
    open_folder,
    open_regular,
    read_all,
)

ROLLOUTS, HELDOUT, VALIDATION = "rollouts.sqlite", "heldout.sqlite", "validation.sqlite"
"""Archives of a run: of its steps, and of its evaluations on either split, each under the step of its policy."""
_BESIDE = ("", "-wal", "-shm", "-journal")
ARCHIVE_FILES = tuple(f"{name}{beside}" for name in (ROLLOUTS, HELDOUT, VALIDATION) for beside in _BESIDE)
EVALUATION_FILE = "evaluation.jsonl"
LABELS_FILE, LABEL_ANSWERS_FILE = "labels.json", "label-answers.jsonl"
NOTE_FILE = "note.txt"
"""Note of the user, which a dashboard replaces as a whole, whether the run is live or not."""
WRITTEN_FILES = (
    "events.jsonl",
    EVALUATION_FILE,
    LABEL_ANSWERS_FILE,
    *ARCHIVE_FILES,
    "lock",
    "heartbeat",
    "engine.log",
    ".reserve",
)
"""Files that an engine writes in place; the others are replaced as a whole."""
_NAMES_A_FILE = bytes.fromhex("d9d505f920a163d7")  # end of such a journal, by SQLite's file format
KNOWN_FILES = ("version", "config.toml", *WRITTEN_FILES, LABELS_FILE, NOTE_FILE, "live", "imported", "checkpoints/best")
KNOWN_FOLDERS = ("checkpoints", "inbox", "start")


@contextlib.contextmanager
def opened_folder(run_dir: Path, name: str = "") -> Iterator[int]:
    """Open the run folder, or the folder `name` in it, and yield its descriptor. Raises OSError; OddFile for a link."""
    opened = open_folder(run_dir)
    try:
        for part in _parts(name):
            inner = open_folder(part, opened)
            os.close(opened)
            opened = inner
        yield opened
    finally:
        os.close(opened)


@contextlib.contextmanager
def inside(run_dir: Path, name: str) -> Iterator[tuple[int, str]]:
    """Open the folder that holds `name`; yield its descriptor and the last part of the name. Raises OSError."""
    folders, _, last = name.rpartition("/")
    _parts(last)
    with opened_folder(run_dir, folders) as folder:
        yield folder, last


def open_file(run_dir: Path, name: str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file of the run and return its descriptor. Raises OSError; OddFile for a link, FIFO, device."""
    with inside(run_dir, name) as (folder, last):
        return open_regular(last, flags, folder)


def read_file(run_dir: Path, name: str, most_bytes: int) -> bytes:
    """Read a whole file of the run. Raises OSError; OddFile also if it is larger than `most_bytes`."""
    file = open_file(run_dir, name)
    try:
        return read_all(file, name, most_bytes)
    finally:
        os.close(file)


def write_whole(file: int, data: bytes) -> None:
    """Append `data` to an open file; take a part of it back if the disk is full. Raises OSError."""
    size = os.fstat(file).st_size
    try:
        written = os.write(file, data)
        while written < len(data):
            written += os.write(file, data[written:])
    except OSError:
        os.ftruncate(file, size)
        raise


def write_file(run_dir: Path, name: str, data: bytes, *, sync: bool = False, replaces: bool = True) -> None:
    """Write a file under a name with a leading dot and rename it, so that no reader sees half of it. Raises OSError.

    replaces: take the place of a file of that name; otherwise raise FileExistsError if there is one.
    """
    with inside(run_dir, name) as (folder, last):
        aside = f".{last}.tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside, dir_fd=folder)
        file = open_regular(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, folder)
        try:
            with open(file, "wb") as output:
                output.write(data)
                output.flush()
                if sync:
                    os.fsync(output.fileno())
            if replaces:
                os.rename(aside, last, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                os.link(aside, last, src_dir_fd=folder, dst_dir_fd=folder)
                os.unlink(aside, dir_fd=folder)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(aside, dir_fd=folder)
            raise
        if sync:
            os.fsync(folder)


def remove_file(run_dir: Path, name: str) -> None:
    """Remove a file, or the link in its place; a missing one is fine. Raises OSError."""
    with contextlib.suppress(FileNotFoundError), inside(run_dir, name) as (folder, last):
        os.unlink(last, dir_fd=folder)


def make_folder(run_dir: Path, name: str) -> None:
    """Create a folder of the run, its owner's alone, unless it exists. Raises OSError; OddFile if it is no folder."""
    with inside(run_dir, name) as (folder, last):
        check_kind(last, folder, is_folder=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(last, OWNER_ONLY_FOLDER, dir_fd=folder)


def modified(run_dir: Path, name: str) -> float | None:
    """Return the Unix time of a file's last change; None if it is missing. Raises OSError."""
    try:
        with inside(run_dir, name) as (folder, last):
            return os.stat(last, dir_fd=folder, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return None


def check_names(run_dir: Path, *, written: bool = False) -> None:
    """Raise OddFile if something else stands where a run has its files and folders; a missing file passes.

    written: an engine will write them, so a hard link is refused, too.
    """
    with opened_folder(run_dir) as opened:
        for name in KNOWN_FOLDERS:
            check_kind(name, opened, is_folder=True)
        for name in KNOWN_FILES:
            check_kind(name, opened, written=written and name in WRITTEN_FILES)


def check_archive(path: Path, *, written: bool = False) -> None:
    """Raise OddFile unless the archive of a run and the files beside it are regular files or missing.

    SQLite opens them by their path. Opening and closing them here would drop the locks of other connections. A rollback
    journal that names a file is refused: SQLite deletes that file, wherever it is, and an archive's never names one.
    """
    run_dir = path.parent
    names = [f"{path.name}{beside}" for beside in _BESIDE]
    with opened_folder(run_dir) as opened:
        for name in names:
            check_kind(name, opened, written=written or name.endswith("-shm"))  # readers write that one, too
    try:
        with open(open_file(run_dir, names[-1]), "rb") as journal:
            journal.seek(max(0, journal.seek(0, os.SEEK_END) - len(_NAMES_A_FILE)))
            if journal.read() == _NAMES_A_FILE:
                raise OddFile(names[-1], "names another file, which SQLite would delete")
    except FileNotFoundError:
        return


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a relative name. Raises OddFile if it leads out of the folder."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise OddFile(name, "lies outside of the run")
    return parts
