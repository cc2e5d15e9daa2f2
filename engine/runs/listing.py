"""List of this machine's runs with their conditions, and lookup of a run by name."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.errors import RunError
from engine.machine.home import runs_home
from engine.machine.regular_files import user_path
from engine.runs.checkpoints import CheckpointStore
from engine.runs.faults import run_faults
from engine.runs.folder import RunFolder
from engine.runs.heartbeat import BEAT_SECONDS, seconds_since_beat
from engine.runs.journal import JournalReader, read_ends
from engine.runs.lock import LockHolder, lock_holder
from engine.runs.notes import read_note
from engine.runs.state import Evaluation, Phase, RunState, RunStatus, replay

_DEAD_SECONDS = 15 * BEAT_SECONDS
_EVENTS_A_ROUND = 20_000


class RunCondition(StrEnum):
    """Condition of a run.

    live: an engine is running it; finished, stopped, failed: as its last event says; crashed: its engine died without
    a last event; unreadable: of another version or corrupt (see `RunInfo.fault`).
    """

    LIVE = "live"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    CRASHED = "crashed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Line of the list of runs.

    started, updated: Unix times; beat_seconds: age of the last heartbeat; metrics: of the last finished step;
    evaluation: the last one; ending: why the run finished, stopped or failed; fault: why it is unreadable, or that its
    journal is corrupt; start: the "RUN@STEP" whose adapter it starts from, "" for none; rewards: as of `RunState`;
    learnt_nothing: it finished without having trained a sample; phase: of a live run; note: the user's.
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
    start: str = ""
    rewards: str = ""
    learnt_nothing: bool = False
    phase: Phase | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Signs of a live engine: the holder of the lock, and the age of the last heartbeat in seconds."""

    holder: LockHolder
    beat_seconds: float | None


def list_runs(home: Path | None = None) -> list[RunInfo]:
    """Return the runs in `home` (default: `runs_home()`), newest first, unreadable ones included."""
    home = runs_home() if home is None else home
    runs = [read_info(path) for path in run_paths(home)]
    return sorted(runs, key=lambda run: (run.started or _changed(run.path), run.id), reverse=True)


def run_paths(home: Path) -> list[Path]:
    """Return the folders in `home` that are runs, also those that will be refused."""
    try:
        # A leading dot: a run that is being imported.
        paths = (path for path in home.iterdir() if not path.name.startswith("."))
        return [path for path in paths if os.path.lexists(path / "version")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def read_info(path: Path) -> RunInfo:
    """Return a run's line of the list, from the two ends of its journal: milliseconds for a run of any length."""
    try:
        folder = RunFolder.open(path)
        pulse = read_pulse(folder)
        # The tail is not the whole journal, but steps, figures and ending all stand in its last events.
        first, tail, is_corrupt = read_ends(folder.journal) if folder.journal.exists() else (None, [], False)
        # A run writes its journal before its first checkpoint.
        is_lost = first is None and not is_corrupt and bool(CheckpointStore(folder.checkpoints).steps())
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
        start=state.start,
        rewards=state.rewards,
        learnt_nothing=bool(state.step) and (state.summary or {}).get("trained_samples") == 0,
        phase=state.phase if condition is RunCondition.LIVE else None,
        note=read_note(folder.path),
        fault="its journal is corrupt" if is_corrupt else "its journal is empty" if is_lost else "",
    )


def read_state(path: Path) -> RunState:
    """Return the state after the whole journal at `path`. Raises RunError: another version, not readable."""
    reader = JournalReader(path)
    state = replay(reader.poll(_EVENTS_A_ROUND, stale=False))
    while reader.behind:
        state = replay(reader.poll(_EVENTS_A_ROUND, stale=False), state)
    return state


def find_run(wanted: str, home: Path | None = None) -> RunInfo:
    """Find a run by its id, its path, the beginning of its id or, failing these, any part of it.

    A part is looked for with its case, then without. Raises RunError: none matches, or several do.
    """
    home = runs_home() if home is None else home
    if os.sep in wanted or wanted in (".", ".."):
        return read_info(RunFolder.open(user_path(wanted)).path)
    if wanted and os.path.lexists(home / wanted / "version"):
        return read_info(home / wanted)
    names = sorted(path.name for path in run_paths(home)) if wanted else []
    matches = [name for name in names if name.startswith(wanted)]
    if not matches and wanted and os.path.lexists(Path(wanted) / "version"):
        return read_info(RunFolder.open(Path(wanted)).path)
    matches = matches or [name for name in names if wanted in name]
    matches = matches or [name for name in names if wanted.casefold() in name.casefold()]
    if len(matches) == 1:
        return read_info(home / matches[0])
    if matches:
        some = ", ".join(matches[:4]) + (", …" if len(matches) > 4 else "")
        raise RunError(f"{wanted!r} matches {len(matches)} runs: {some}", "give more of the id")
    raise RunError(f"there is no run {wanted!r}", "list the runs with `cure-tui runs`, or give the path of one")


def read_pulse(folder: RunFolder) -> Pulse:
    """Read lock and heartbeat, in some tens of microseconds. Raises RunError if the folder cannot be read."""
    with run_faults(folder.path):
        return Pulse(lock_holder(folder.lock_file), seconds_since_beat(folder.heartbeat))


def condition_of(state: RunState, pulse: Pulse) -> RunCondition:
    """Return the run's condition. Read `pulse` before `state`.

    An engine releases its lock after its last event: read in the other order, a normal end would look like a crash.
    """
    holder, beat_seconds = pulse.holder, pulse.beat_seconds
    if holder.held and (holder.alive or (beat_seconds or 0.0) < _DEAD_SECONDS):
        return RunCondition.LIVE
    # A lock is not always visible across a network disk: an engine on another host counts as live by its heartbeat.
    elsewhere = bool(holder.host) and holder.host != socket.gethostname()
    ended = state.status in (RunStatus.FINISHED, RunStatus.STOPPED, RunStatus.FAILED)
    if elsewhere and not ended and beat_seconds is not None and beat_seconds < _DEAD_SECONDS:
        return RunCondition.LIVE
    return RunCondition(state.status.value) if ended else RunCondition.CRASHED
