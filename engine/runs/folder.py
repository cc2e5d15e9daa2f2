"""Folder of one run: creating, opening and locking it, and the names of its files."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from engine.errors import RunError
from engine.machine.home import run_name
from engine.machine.regular_files import OWNER_ONLY_FOLDER
from engine.runs.checkpoints import Checkpoint, CheckpointStore
from engine.runs.faults import run_faults
from engine.runs.files import (
    HELDOUT,
    ROLLOUTS,
    VALIDATION,
    check_names,
    make_folder,
    open_file,
    read_file,
    remove_file,
    write_file,
)
from engine.runs.heartbeat import last_beat
from engine.runs.inbox import Inbox
from engine.runs.lineage import copy_start
from engine.runs.lock import RunLock

FOLDER_VERSION = 1
RESERVE_BYTES = 1 << 17
_VERSION_BYTES = 1000
_RESERVE = ".reserve"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Folder of one run. Opening it changes nothing; only the holder of `lock()` writes, except commands and notes."""

    path: Path

    @classmethod
    def create(cls, path: Path, config_toml: str, start: Checkpoint | None = None) -> RunFolder:
        """Create a run folder with its resolved configuration. start: checkpoint of the run that it starts from.

        `path` may exist if it is empty; a new folder is its owner's alone, whatever the umask. Raises RunError: it
        holds a run already, or other files; disk full; not writable. `version` is written last: only then is the folder
        a run.
        """
        if (path / "version").exists():
            raise RunError(
                f"{path} holds a run already",
                f"resume it with `cure-tui resume {run_name(path)}`, or name another",
            )
        folder = cls(Path(os.path.abspath(path)))
        with run_faults(folder.path):
            if path.is_dir() and any(path.iterdir()):
                raise RunError(f"{path} is not empty and holds no run", "name an empty or a new folder")
            folder.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                folder.path.mkdir(OWNER_ONLY_FOLDER)
            for place in (folder.checkpoints, folder.inbox):
                make_folder(folder.path, place.name)
            write_file(folder.path, folder.config.name, config_toml.encode())
            folder._fill_reserve()
            if start is not None:
                copy_start(folder.path, start)
            write_file(folder.path, "version", b"%d\n" % FOLDER_VERSION)
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open an existing run folder.

        Raises RunError: it does not exist, is no run folder, is of another version, or holds a link, a FIFO or a device
        where a run has a file.
        """
        path = Path(os.path.abspath(path))  # not resolved: a link to a run keeps its name
        with run_faults(path):
            try:
                version = read_file(path, "version", _VERSION_BYTES).decode(errors="replace").strip()
            except (FileNotFoundError, NotADirectoryError):
                what = "is not a run folder" if path.exists() else "does not exist"
                raise RunError(f"{path} {what}", "list the runs with `cure-tui runs`") from None
            check_names(path)
        if version != str(FOLDER_VERSION):
            raise RunError(
                f"run folder {path} is of version {version[:20]!r}, this cure-tui reads {FOLDER_VERSION}",
                "use the cure-tui that made it, or start a new run",
            )
        return cls(path)

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def journal(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def archive(self) -> Path:
        return self.path / ROLLOUTS

    def evaluation_archive(self, split: str) -> Path:
        """Return the archive of the evaluations on a split, "heldout" or "validation": a step there is its policy's."""
        return self.path / {"heldout": HELDOUT, "validation": VALIDATION}[split]

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def inbox(self) -> Path:
        return self.path / "inbox"

    @property
    def lock_file(self) -> Path:
        return self.path / "lock"

    @property
    def heartbeat(self) -> Path:
        return self.path / "heartbeat"

    @property
    def live(self) -> Path:
        return self.path / "live"

    @property
    def log(self) -> Path:
        return self.path / "engine.log"

    def lock(self) -> RunLock:
        """Lock the run for this engine and clean up after a killed predecessor.

        Raises RunError: another engine is running, disk full, not writable.
        """
        with contextlib.ExitStack() as held:
            with run_faults(self.path):
                check_names(self.path, written=True)
            lock = held.enter_context(RunLock(self.lock_file))
            with run_faults(self.path):
                self._fill_reserve()
                CheckpointStore(self.checkpoints).recover()
                remove_file(self.path, self.live.name)
                Inbox(self.inbox).clear(before=last_beat(self.heartbeat) or 0.0)
            held.pop_all()  # success: the caller closes the lock
        return lock

    def write_config(self, config_toml: str) -> None:
        """Replace the configuration, whole or not at all. Raises RunError: disk full, not writable."""
        with run_faults(self.path):
            write_file(self.path, self.config.name, config_toml.encode(), sync=True)

    def release_reserve(self) -> None:
        """Free the reserved space, so that a full disk still takes the final event and the archive's closing."""
        with contextlib.suppress(OSError):
            remove_file(self.path, _RESERVE)

    def _fill_reserve(self) -> None:
        """Reserve RESERVE_BYTES on the disk; this also proves, before any work, that the folder is writable."""
        try:
            with open(open_file(self.path, _RESERVE, os.O_WRONLY | os.O_CREAT), "wb") as file:
                file.write(os.urandom(RESERVE_BYTES))  # random: some file systems store zeros as holes
        except OSError:
            self.release_reserve()  # a partial reserve only takes space that is needed
            raise
