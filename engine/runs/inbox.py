"""Commands for a running engine: small files that any user who may write the run folder drops into `inbox/`.

A file holds one word of Command. It is written under a name with a leading dot and renamed, so the engine
never reads half a command; the engine takes files in the order of their names, which start with the time. From
a shell: `printf pause > RUN/inbox/.x && mv RUN/inbox/.x RUN/inbox/x`.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path

from engine.errors import RunError
from engine.runs.faults import run_faults

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
    inbox = run_dir / "inbox"
    if not inbox.is_dir():
        raise RunError(f"{run_dir} is not a run folder: it has no inbox", "list the runs with `cure-tui runs`")
    name = f"{time.time_ns()}-{os.getpid()}-{command}"
    with run_faults(run_dir):
        aside = inbox / f".{name}"
        aside.write_text(f"{command}\n")
        aside.rename(inbox / name)


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
    for path, waiting in _waiting(run_dir / "inbox"):
        if waiting is command:
            with run_faults(run_dir), contextlib.suppress(FileNotFoundError):
                path.unlink()
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
        for path in self._path.iterdir():
            if path.is_file() and path.stat().st_mtime <= before:
                path.unlink(missing_ok=True)

    def _take(self, name: str) -> Command | None:
        path = self._path / name
        try:
            word = _word(path)
            path.unlink()  # before the command is obeyed: one that cannot be removed would be obeyed for ever
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
        return sorted(entry.name for entry in os.scandir(inbox) if not entry.name.startswith("."))
    except FileNotFoundError:
        return []


def _word(path: Path) -> str:
    with open(path, "rb") as file:
        return file.read(_MAX_BYTES).decode(errors="replace").strip()


def _waiting(inbox: Path) -> Iterator[tuple[Path, Command]]:
    try:
        names = _names(inbox)
    except OSError:
        return
    for name in names:
        try:
            command = Command(_word(inbox / name))
        except (OSError, ValueError):  # taken just now, or no command
            continue
        yield inbox / name, command
