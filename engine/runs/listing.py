"""The runs of this machine: which there are, what state they are in, and which one a user means."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.errors import RunError
from engine.machine.home import runs_home
from engine.runs.faults import run_faults
from engine.runs.folder import RunFolder
from engine.runs.heartbeat import BEAT_SECONDS, seconds_since_beat
from engine.runs.journal import JournalReader, read_ends
from engine.runs.lock import LockHolder, lock_holder
from engine.runs.state import Evaluation, RunState, RunStatus, replay

_DEAD_SECONDS = 15 * BEAT_SECONDS


class RunCondition(StrEnum):
    """live: an engine is at work; finished, stopped, failed: it said so; crashed: it went without a word.

    unreadable: of another version or damaged, `RunInfo.fault` says which.
    """

    LIVE = "live"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    CRASHED = "crashed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One line of the list of runs.

    started, updated: Unix times; beat_seconds: age of the last heartbeat; metrics: of the last finished step;
    evaluation: the last one; ending: why it finished, stopped or failed.
    """

    id: str
    path: Path
    state: RunCondition
    preset: str = ""
    step: int = 0
    steps: int = 0
    started: float | None = None
    updated: float | None = None
    pid: int | None = None
    beat_seconds: float | None = None
    paused: bool = False
    metrics: Mapping[str, float | None] | None = None
    evaluation: Evaluation | None = None
    ending: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """What tells a live engine from a dead one: who holds the lock, and the age of the last heartbeat in seconds."""

    holder: LockHolder
    beat_seconds: float | None


def list_runs(home: Path | None = None) -> list[RunInfo]:
    """The runs in `home` (default: `runs_home()`), newest first; also those that cannot be read, as such."""
    home = runs_home() if home is None else home
    if not home.is_dir():
        return []
    paths = [path for path in home.iterdir() if (path / "version").exists()]
    runs = [read_info(path) for path in paths]
    return sorted(runs, key=lambda run: (run.started or run.path.stat().st_mtime, run.id), reverse=True)


def read_info(path: Path) -> RunInfo:
    """What can be said of one run from the two ends of its journal: milliseconds, however long the run."""
    try:
        folder = RunFolder.open(path)
        pulse = read_pulse(folder)
        # The tail alone does not hold the whole story; steps, figures and ending are all in its last events.
        first, tail = read_ends(folder.journal) if folder.journal.exists() else (None, [])
    except (RunError, OSError) as error:
        return RunInfo(path.name, path, RunCondition.UNREADABLE, fault=str(error))
    state = replay(tail, replay([first]) if first else RunState())
    condition = condition_of(state, pulse)
    return RunInfo(
        id=folder.id,
        path=folder.path,
        state=condition,
        preset=state.preset,
        step=state.step,
        steps=state.steps,
        started=state.started,
        updated=state.updated,
        pid=pulse.holder.pid if condition is RunCondition.LIVE else None,
        beat_seconds=pulse.beat_seconds,
        paused=condition is RunCondition.LIVE and state.status is RunStatus.PAUSED,
        metrics=state.metrics,
        evaluation=state.evaluations[-1] if state.evaluations else None,
        ending=state.ending,
    )


def read_state(path: Path) -> RunState:
    """All that the journal at `path` says, as one picture. Raises RunError: another version, not readable."""
    return replay(JournalReader(path).poll(stale=False))


def find_run(wanted: str, home: Path | None = None) -> RunInfo:
    """The run that a user means by an id, the beginning of one or a path. RunError: none or several."""
    home = runs_home() if home is None else home
    if os.sep in wanted or wanted in (".", ".."):
        return read_info(RunFolder.open(Path(wanted).expanduser()).path)
    if (home / wanted / "version").exists():
        return read_info(home / wanted)
    names = sorted(path.parent.name for path in home.glob("*/version")) if wanted else []
    fits = [name for name in names if name.startswith(wanted)]
    if len(fits) == 1:
        return read_info(home / fits[0])
    if fits:
        some = ", ".join(fits[:4]) + (", …" if len(fits) > 4 else "")
        raise RunError(f"{wanted!r} fits {len(fits)} runs: {some}", "give more of the id")
    if wanted and (Path(wanted) / "version").exists():
        return read_info(RunFolder.open(Path(wanted)).path)
    raise RunError(f"there is no run {wanted!r}", "list the runs with `cure-tui runs`, or give the path of one")


def read_pulse(folder: RunFolder) -> Pulse:
    """Some tens of microseconds. Raises RunError where the folder cannot be read."""
    with run_faults(folder.path):
        return Pulse(lock_holder(folder.lock_file), seconds_since_beat(folder.heartbeat))


def condition_of(state: RunState, pulse: Pulse) -> RunCondition:
    """The run's condition. `pulse` must be the older of the two: an engine lets go after its last event, and a state
    from before that event would make a crash of every end."""
    holder, beat_seconds = pulse.holder, pulse.beat_seconds
    if holder.held and (holder.alive or (beat_seconds or 0.0) < _DEAD_SECONDS):
        return RunCondition.LIVE
    # A lock does not always reach across a network disk: an engine elsewhere is known by its pulse.
    elsewhere = bool(holder.host) and holder.host != socket.gethostname()
    ended = state.status in (RunStatus.FINISHED, RunStatus.STOPPED, RunStatus.FAILED)
    if elsewhere and not ended and beat_seconds is not None and beat_seconds < _DEAD_SECONDS:
        return RunCondition.LIVE
    return RunCondition(state.status.value) if ended else RunCondition.CRASHED
