"""Tracker, the protocol of an experiment tracker, and the registry: one file a tracker, imported when it is chosen."""

from __future__ import annotations

import errno
import hashlib
import importlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from engine.errors import CureError, EnvironmentError_, RunError
from engine.machine.extras import install_extra
from engine.runs.listing import RunCondition

TRACKERS = ("tensorboard", "wandb", "trackio", "mlflow")
"""Names of the trackers: each is a module of this package and an extra of the project."""
PROJECT = "cure-tui"
"""Project, or experiment, that runs join unless the user names another."""
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_REFUSED = frozenset((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT))
_REASON_CHARS = 160


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """Run as trackers know it. name: of a-z, 0-9, dot and hyphen; started: Unix time, None if its journal lost it.

    generation: how often steps were taken back, for a tracker that begins a run anew then.
    """

    name: str
    started: float | None
    generation: int = 0

    @property
    def key(self) -> str:
        """Hash by which a tracker tells this run from others of its name, wherever its folder lies."""
        return hashlib.sha256(f"{self.name}\0{self.started}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers by name, at a step and a Unix time; part: "" for a step's metrics, an evaluation's split for its."""

    step: int
    time: float
    part: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Table:
    """Table of texts, made printable and bounded: `rows` have as many cells as `columns`."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


class Tracker(Protocol):
    """Tracker that is sent one run. What was sent is kept there once `flush` has returned.

    target: where it is sent, in words that are the same for the same place; hint: how it is looked at.
    """

    @property
    def target(self) -> str: ...
    @property
    def hint(self) -> str: ...

    def open(self, run: TrackedRun, config: Mapping[str, str], since: int) -> int:
        """Open the run there. since: the last step of which something was sent.

        Return the step from which on everything is to be sent: 0 if nothing is there, `since` if what is there of that
        step was taken back or is told from what is sent again, `since + 1` if it is not.
        """

    def rewind(self, step: int) -> int:
        """Forget steps >= `step`, or begin the run anew; return the step from which on everything is to be sent."""

    def metrics(self, numbers: Numbers) -> None:
        """Send the numbers of a step or of an evaluation."""

    def table(self, step: int, time: float, table: Table) -> None:
        """Send a table."""

    def flush(self) -> None:
        """Return once everything sent is kept."""

    def close(self, condition: RunCondition | None) -> None:
        """Release what is open. condition: how the run has ended; None: more may follow."""


def load_tracker(name: str, target: str, project: str) -> Tracker:
    """Return the tracker of that name. Raises EnvironmentError_ with the command if its library is missing.

    target: folder or address, "" for the usual one; project: group of runs that the tracker has them in.
    """
    logging.raiseExceptions = False  # a library whose own log cannot be written would print a traceback for each line
    with tracker_faults(name):
        module = importlib.import_module(f"cure_tui.runs.tracking.{name}")
        return cast("Tracker", module.open_tracker(target, project))


@contextmanager
def tracker_faults(name: str) -> Iterator[None]:
    """Turn what a tracker's library raises in this block into an error of one line: RunError, or that it is missing."""
    try:
        yield
    except CureError:
        raise
    except ModuleNotFoundError as missing:
        lacking = f"--to {name} needs {(missing.name or '').partition('.')[0]}"
        raise EnvironmentError_(lacking, install_extra(name)) from missing
    except Exception as error:  # a library of others, and the server behind it, may raise anything
        is_full, is_refused = _is_full(error), isinstance(error, OSError) and error.errno in _REFUSED
        what = f"{name} failed: {_reason(str(error)) or type(error).__name__}"
        if isinstance(error, OSError) and (is_full or is_refused):
            place = f" {error.filename}" if error.filename else ""
            what = f"{name} cannot write{place}: {_reason(error.strerror or '')}"
        remedy = "free space there" if is_full else "make it writable" if is_refused else "see --target and --project"
        raise RunError(what, f"{remedy}; once that is mended, the same command goes on") from error


def _is_full(error: Exception) -> bool:
    """Tell whether a disk is full; SQLite has no errno, and calls it an I/O error where it cannot even begin."""
    text = str(error)
    return (isinstance(error, OSError) and error.errno in _FULL) or "disk is full" in text or "disk I/O error" in text


def _reason(text: str) -> str:
    """Return the first line of an error, cut to a length that can be read."""
    line = text.strip().partition("\n")[0].rstrip(". ")
    return line if len(line) <= _REASON_CHARS else line[:_REASON_CHARS] + "…"
