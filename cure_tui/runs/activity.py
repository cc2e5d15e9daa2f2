"""Activity of a run in words, from its condition and phase: one table for every view that has nothing else to show."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from engine.runs.listing import RunCondition
from engine.runs.state import RunState, RunStatus

STARTING_SECONDS = 60.0
"""Age up to which a run folder without any sign of an engine is one whose engine is just starting."""

LOADING, RESUMING, START_ENGINE = "loading", "resuming", "start engine"
_DOING: Mapping[str, str] = {
    LOADING: "the engine is loading the model",
    RESUMING: "the engine is loading the checkpoint",
    START_ENGINE: "the server that trains is starting, and being probed",
    "download": "the model is being downloaded",
    "write tests": "the tester is writing tests for the tasks",
    "evaluate heldout": "the held-out tasks are being evaluated",
    "evaluate validation": "the validation tasks are being evaluated",
    "evaluate": "the tasks are being evaluated",
    "anchors": "the anchors are being sampled",
    "sample": "answers are being sampled",
    "update": "the policy is being updated",
    "": "the engine is between two phases",
}
_ENDED: Mapping[RunCondition, str] = {
    RunCondition.FINISHED: "the run has finished",
    RunCondition.STOPPED: "the run has been stopped",
    RunCondition.FAILED: "the run has failed",
    RunCondition.CRASHED: "the engine has died",
    RunCondition.UNREADABLE: "the run cannot be read",
}
_ALL_ENDED = (RunStatus.FINISHED, RunStatus.STOPPED, RunStatus.FAILED)


def phase_name(condition: RunCondition, state: RunState) -> str:
    """Return the name of the phase; `loading` or `resuming` while a live engine has none; "" if there is no phase.

    The journal of a resumed run still tells its last end or the phase that was broken off until its engine has loaded
    its checkpoint: an ended status under a live engine means that it is about to be resumed.
    """
    if condition is not RunCondition.LIVE:
        return ""
    if state.status in _ALL_ENDED:
        return RESUMING
    if state.phase is not None:
        return state.phase.name
    return "" if state.points or state.evaluations or state.status is RunStatus.PAUSED else LOADING


def is_starting_up(condition: RunCondition, state: RunState) -> bool:
    """Tell whether the engine is loading: figures and estimates of the journal are those of an earlier process."""
    return phase_name(condition, state) in (LOADING, RESUMING, START_ENGINE)


def activity(condition: RunCondition, state: RunState) -> str:
    """Return what the run is doing, or how it ended, as a clause: "the policy is being updated"."""
    if condition is not RunCondition.LIVE:
        return _ENDED[condition]
    if state.status is RunStatus.PAUSED:
        return "the run is paused"
    name = phase_name(condition, state)
    return _DOING.get(name, f"the engine is in phase {name}")


def no_step_text(condition: RunCondition, state: RunState) -> str:
    """Return why there is no step to show: what the run is doing, and that no step has finished before."""
    said = activity(condition, state)
    if condition is RunCondition.LIVE:
        return f"{said}; no step has finished yet"
    return f"{said} before its first step was over" if condition is not RunCondition.UNREADABLE else said


def seen_condition(condition: RunCondition, *, began: bool, folder: Path) -> RunCondition:
    """Return the condition as users see it: a young folder without any event or lock is one of a starting engine.

    began: the journal has an event.
    """
    if condition is not RunCondition.CRASHED or began:
        return condition
    try:
        if (folder / "lock").exists():
            return condition
        age = time.time() - (folder / "config.toml").stat().st_mtime
    except OSError:
        return condition
    return RunCondition.LIVE if age < STARTING_SECONDS else condition
