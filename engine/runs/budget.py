"""Time budget of a run: the time to keep for another step and the last evaluation, and what a run has used so far.

The engine ends a run by it; the command line checks new limits against it before it starts an engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.runs.events import EventKind
from engine.runs.journal import read_journal
from engine.runs.state import RunState, replay

_FINAL_EVALUATION_MARGIN = 1.3
"""The last evaluation may take this much longer than the first: a trained tester writes no longer tests, but the
budget is a promise."""


def seconds_needed(step_seconds: float, evaluation_seconds: float) -> float:
    """Return the seconds to keep for another step and the last evaluation: two steps, because steps vary."""
    return 2 * step_seconds + _FINAL_EVALUATION_MARGIN * evaluation_seconds


@dataclass(frozen=True, slots=True)
class Used:
    """State of a run, and the result of `seconds_needed` for its next step."""

    state: RunState
    seconds_needed: float


def read_used(journal: Path) -> Used:
    """Read a whole journal into a `Used`. Raises RunError: another version, not readable."""
    events = read_journal(journal)
    state = replay(events)
    evaluation_seconds = 0.0
    for event in events:
        seconds = event.data.get("seconds")
        if event.kind == EventKind.PHASE_FINISHED and event.step == 0 and isinstance(seconds, int | float):
            evaluation_seconds = max(evaluation_seconds, seconds)
    start = state.evaluation("heldout", "start")
    trained = state.points[-1].seconds - (start.seconds if start else 0.0) if state.points else 0.0
    return Used(state, seconds_needed(trained / max(1, state.step), evaluation_seconds))
