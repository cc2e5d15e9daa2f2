"""Commands for a running engine: small files that any user who may write the run folder drops into `inbox/`.

A file holds one word of Command. It is written under a name with a leading dot and renamed, so the engine
never reads half a command; the engine takes files in the order of their names, which start with the time. From
a shell: `printf pause > RUN/inbox/.x && mv RUN/inbox/.x RUN/inbox/x`.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path

from engine.errors import RunError
from engine.machine.regular_files import OddFile
from engine.runs.faults import run_faults
from engine.runs.files import inside, opened_folder, read_file, write_file

_MAX_BYTES = 1000


class Command(StrEnum):
    """Commands to a running engine. `stop` finishes the current step, `stop_now` does not."""

    PAUSE = "pause"
    RESUME = "resume"
    CHECKPOINT = "checkpoint"
    STOP = "stop"
    STOP_NOW = "stop_now"


def send(run_dir: Path, command: Command) -> None:
    """Put a command into the inbox of a run, whose engine obeys it at its next poll. Raises RunError."""
    if not (run_dir / "inbox").is_dir():
        raise RunError(f"{run_dir} is not a run folder: it has no inbox", "list the runs with `cure-tui runs`")
    with run_faults(run_dir):
        write_file(run_dir, f"inbox/{time.time_ns()}-{os.getpid()}-{command}", f"{command}\n".encode())


def pending(inbox: Path) -> tuple[Command, ...]:
    """Return the commands not taken yet from the folder `inbox`, oldest first. For observers: takes nothing."""
    return tuple(command for _, command in _waiting(inbox))


def pause_wanted(commands: Iterable[Command], paused: bool) -> bool:
    """Return whether an engine is paused after obeying `commands`; `paused`: whether it is now."""
    for command in commands:
        if command in (Command.PAUSE, Command.RESUME):
            paused = command is Command.PAUSE
    return paused


def withdraw(run_dir: Path, command: Command) -> bool:
    """Remove every copy of `command` from the inbox. Return False if the engine had taken it already."""
    withdrawn = False
    for name, waiting in _waiting(run_dir / "inbox"):
        if waiting is command:
            with run_faults(run_dir), contextlib.suppress(FileNotFoundError), inside(run_dir, f"inbox/{name}") as at:
                os.unlink(at[1], dir_fd=at[0])
                withdrawn = True
    return withdrawn


class Inbox:
    """Inbox as the engine reads it: takes commands out of the folder."""

    def __init__(self, path: Path, note: Callable[[str], None] | None = None) -> None:
        """Read commands from the folder `path`; call `note(text)` for a file without a command, which is removed."""
        self._path = path
        self._note = note or (lambda text: None)
        self._stuck: set[str] = set()

    def poll(self) -> list[Command]:
        """Take the commands sent since the last call, oldest first, each once."""
        taken = (self._take(name) for name in _names(self._path) if name not in self._stuck)
        return [command for command in taken if command is not None]

    def clear(self, before: float) -> None:
        """Remove what was sent up to Unix time `before`: it was meant for an engine that has ended."""
        with opened_folder(self._path.parent, self._path.name) as inbox:
            for name in os.listdir(inbox):
                status = os.stat(name, dir_fd=inbox, follow_symlinks=False)
                if not stat.S_ISDIR(status.st_mode) and status.st_mtime <= before:
                    os.unlink(name, dir_fd=inbox)

    def _take(self, name: str) -> Command | None:
        try:
            with inside(self._path.parent, f"{self._path.name}/{name}") as (inbox, last):
                try:
                    word = _word(self._path, name)
                except OddFile as error:
                    word = error.what
                os.unlink(last, dir_fd=inbox)  # before it is obeyed: one that stays would be obeyed for ever
        except FileNotFoundError:  # withdrawn just now
            return None
        except OSError as error:
            self._stuck.add(name)
            self._note(f"inbox: cannot take {name!r}: {error.strerror}")
            return None
        try:
            return Command(word)
        except ValueError:
            self._note(f"inbox: {name!r} holds no command: {word[:40]!r}; commands are {', '.join(Command)}")
            return None


def _names(inbox: Path) -> list[str]:
    try:
        with opened_folder(inbox.parent, inbox.name) as folder:
            return sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except FileNotFoundError:
        return []


def _word(inbox: Path, name: str) -> str:
    return read_file(inbox.parent, f"{inbox.name}/{name}", _MAX_BYTES).decode(errors="replace").strip()


def _waiting(inbox: Path) -> Iterator[tuple[str, Command]]:
    try:
        names = _names(inbox)
    except OSError:
        return
    for name in names:
        try:
            command = Command(_word(inbox, name))
        except (OSError, ValueError):  # taken just now, or no command
            continue
        yield name, command
