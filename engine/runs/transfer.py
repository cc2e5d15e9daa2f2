"""Handing a run on: its files in one plain tar, and a tar made into a run that nobody has opened yet.

    RUN/version  config.toml  events.jsonl  labels.json  note.txt
    RUN/rollouts.sqlite  heldout.sqlite  validation.sqlite, each with its -wal
    RUN/checkpoints/best  step-000003/...

What belongs to an engine at work (lock, heartbeat, inbox, log, reserve) stays behind. A tar may come from anyone: it is
read header by header, as plain ustar or GNU headers alone, so that nothing in it can be larger than it says.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.errors import RunError
from engine.machine.home import cleaned_id
from engine.machine.regular_files import OWNER_ONLY_FOLDER, OddFile, open_folder, open_regular
from engine.runs.faults import run_faults
from engine.runs.files import ARCHIVE_FILES, LABELS_FILE, NOTE_FILE, make_folder, open_file, opened_folder, write_file
from engine.runs.folder import RunFolder
from engine.runs.listing import RunCondition, read_info
from engine.runs.lock import is_locked
from engine.runs.origin import IMPORTED

MOST_FILES = 10_000
MOST_BYTES = 256 << 30
_SMALL_BYTES = 1 << 20
_BLOCK = tarfile.BLOCKSIZE
_ASIDE = ".importing-"
_FILES = (
    "version", "config.toml", "events.jsonl", LABELS_FILE, NOTE_FILE,
    *(name for name in ARCHIVE_FILES if name.endswith((".sqlite", "-wal"))), "checkpoints/best",
)  # fmt: skip
_SMALL = ("version", "config.toml", "checkpoints/best", NOTE_FILE)
_IN_A_CHECKPOINT = re.compile(r"checkpoints/step-\d{6,12}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){1,4}", re.ASCII)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_REMEDY = "take a file that `cure-tui runs export` wrote"


def export_run(folder: RunFolder, target: Path) -> None:
    """Write the run into `target`, a new tar for its owner alone. Raises RunError: it exists, the run is live."""
    if is_locked(folder.lock_file):
        raise RunError(f"run {folder.id} is live", "stop it first; it can be resumed after the export")
    if os.path.lexists(target):
        raise RunError(f"{target} exists", "name another file")
    aside = target.with_name(f".{target.name}.partial")
    try:
        with run_faults(target):
            aside.unlink(missing_ok=True)
            output = open_regular(str(aside), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            with (
                open(output, "wb") as file,
                tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar,
            ):
                for name in _names(folder.path):
                    _add(tar, folder, name)
            os.link(aside, target)
    finally:
        aside.unlink(missing_ok=True)


def import_run(source: Path, home: Path, target: Path | None = None) -> RunFolder:
    """Make a run of the tar `source`, in `target` or in `home` under its cleaned name; nobody has opened it yet.

    Raises RunError: not such a tar; a link, a device or a place outside in it; more than MOST_FILES or MOST_BYTES; a
    run of that name. An import that fails or is interrupted leaves nothing; what a killed one left is removed by the
    next one.
    """
    place = home if target is None else target.absolute().parent
    with run_faults(place):
        place.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(place)
        aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=place))
    lock = open_folder(aside)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with run_faults(source), open(open_regular(str(source.resolve())), "rb") as tar:
            if os.fstat(tar.fileno()).st_size > min(MOST_BYTES, shutil.disk_usage(place).free):
                raise RunError(f"{source} is larger than the disk's free space, or {MOST_BYTES >> 30} GiB", "make room")
            name = _unpack(_Members(tar, source), aside)
        final = target.absolute() if target is not None else home / cleaned_id(name)
        _check(aside, source)
        with run_faults(place):
            if os.path.lexists(final):
                raise RunError(f"{final} exists", "nothing is overwritten: choose a new folder with --run-dir")
            os.mkdir(final, OWNER_ONLY_FOLDER)  # the name is ours from here on: a rename replaces an empty folder
            try:
                os.rename(aside, final)
            except OSError:
                os.rmdir(final)
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        os.close(lock)
    return RunFolder.open(final)


class _Members:
    """Files in a tar, one after the other, as (name, size); `copy` reads the one that was yielded last."""

    def __init__(self, tar: BinaryIO, source: Path) -> None:
        self._tar, self._source = tar, source
        self._left = 0

    def refused(self, what: str) -> RunError:
        return RunError(f"{self._source} is no run: {what}", _REMEDY)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        read, count = self._tar.read, 0
        while True:
            header = read(_BLOCK)
            if header == bytes(_BLOCK):
                return
            try:
                member = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
            except (tarfile.HeaderError, ValueError, OverflowError) as error:
                raise self.refused("it ends early" if len(header) < _BLOCK else f"not a tar: {error}") from error
            count += 1
            if count > MOST_FILES:
                raise self.refused(f"more than {MOST_FILES} files")
            if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE) or member.size < 0:
                raise self.refused(f"{member.name[:100]!r} is neither a plain file nor a folder")
            if member.type == tarfile.DIRTYPE:
                continue
            self._left = member.size
            yield member.name, member.size
            self.copy(None)
            read(-member.size % _BLOCK)

    def copy(self, output: int | None) -> None:
        """Copy the rest of the current file into the descriptor `output`, or nowhere."""
        while self._left:
            part = self._tar.read(min(self._left, 1 << 20))
            if not part:
                raise self.refused("it ends early")
            self._left -= len(part)
            while output is not None and part:
                part = part[os.write(output, part) :]


def _unpack(members: _Members, aside: Path) -> str:
    """Write the run's files into the folder `aside`; return the name that the run had."""
    run, version = "", b""
    for name, size in members:
        top, _, inner = name.removeprefix("./").partition("/")
        if name.startswith("/") or ".." in name.split("/") or (run and top != run):
            raise members.refused(f"{name[:100]!r} lies outside of its folder")
        run = top
        if inner not in _FILES and not _IN_A_CHECKPOINT.fullmatch(inner):
            continue  # no file of a run, or one of its engine
        if inner in _SMALL and size > _SMALL_BYTES:
            raise members.refused(f"its {inner} is larger than {_SMALL_BYTES >> 20} MiB")
        with run_faults(aside):
            output = _new_file(members, aside, f".{inner}" if inner == "version" else inner)
            try:
                members.copy(output)
            finally:
                os.close(output)
    with run_faults(aside), contextlib.suppress(FileNotFoundError):
        version = (aside / ".version").read_bytes()
        (aside / ".version").unlink()
    if not version:
        raise members.refused("it has no version")
    with run_faults(aside):
        for folder in ("checkpoints", "inbox"):
            make_folder(aside, folder)
        write_file(aside, IMPORTED, b"")
        write_file(aside, "version", version)  # last: only now is the folder a run
    return run


def _new_file(members: _Members, aside: Path, name: str) -> int:
    """Create the file of a member and the folders above it; return its descriptor."""
    parts = name.split("/")[:-1]
    try:
        for depth in range(len(parts)):
            make_folder(aside, "/".join(parts[: depth + 1]))
        return open_file(aside, name, _NEW)
    except FileExistsError:
        raise members.refused(f"{name} is in it twice") from None
    except OddFile as odd:  # the folder that its own message names is removed again
        what = f"{name} cannot be a file: {Path(str(odd.filename)).name} {odd.what}"
        raise members.refused(what) from None


def _check(aside: Path, source: Path) -> None:
    """Raise RunError if the imported folder is no run that can be read."""
    info = read_info(aside)
    if info.state is RunCondition.UNREADABLE:
        raise RunError(f"{source} is no run that can be read: {info.fault}".replace(str(aside), source.name), _REMEDY)


def _names(run_dir: Path) -> Iterator[str]:
    """Yield the names of a run's files that are handed on, those of its checkpoints included."""
    with opened_folder(run_dir) as folder:
        present = set(os.listdir(folder))
    yield from (name for name in _FILES if "/" not in name and name in present)
    if "checkpoints" in present:
        yield from sorted(filter(_is_handed_on, _below(run_dir, "checkpoints", 5)))


def _is_handed_on(name: str) -> bool:
    return name in _FILES or _IN_A_CHECKPOINT.fullmatch(name) is not None


def _below(run_dir: Path, name: str, depth: int) -> Iterator[str]:
    with opened_folder(run_dir, name) as folder, os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for inner, is_folder in found:
        if is_folder and depth:
            yield from _below(run_dir, f"{name}/{inner}", depth - 1)
        elif not is_folder:
            yield f"{name}/{inner}"


def _add(tar: tarfile.TarFile, folder: RunFolder, name: str) -> None:
    with open(open_file(folder.path, name), "rb") as file:
        status = os.fstat(file.fileno())
        if name in _SMALL and status.st_size > _SMALL_BYTES:
            raise OddFile(name, f"is larger than {_SMALL_BYTES >> 20} MiB")
        member = tarfile.TarInfo(f"{cleaned_id(folder.id)}/{name}")
        member.size, member.mtime, member.mode = status.st_size, int(status.st_mtime), 0o600
        tar.addfile(member, file)


def _remove_abandoned(place: Path) -> None:
    """Remove what imports that were killed have left: their lock is free."""
    for left in place.glob(f"{_ASIDE}*"):
        with contextlib.suppress(OSError, OddFile):
            with opened_folder(place, left.name) as folder:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
