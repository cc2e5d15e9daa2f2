"""Limits that end a run: drift of the policy or of its labels, its steps, its minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.config import RunSection
from engine.runs.budget import seconds_needed
from engine.runs.drift import KL_STEPS, LABEL_DRIFT, drifted_kl
from engine.train.progress import RunProgress
from engine.train.time_limit import nothing_trained

EndedBy = Literal["steps", "minutes", "drift", "label drift"]


@dataclass(frozen=True, slots=True)
class Limit:
    """Limit that was reached, and the reason shown to the user. notice: a line for the log; warns: it is a warning."""

    by: EndedBy
    reason: str
    notice: str = ""
    warns: bool = False


def limit_reached(
    run: RunSection, kl_bound: float, progress: RunProgress, seconds: float, label_drift: str
) -> Limit | None:
    """Return the limit that ends the run now; None if there is none.

    seconds: at work so far. label_drift: why the labels have drifted, "" if they have not.
    """
    kl = drifted_kl(progress.recent_kl, kl_bound)
    if kl is not None:
        reason = f"KL {kl:.3f} (median of {KL_STEPS} steps) passed {kl_bound:g}"
        return Limit("drift", reason, f"{reason}: ending the run", warns=True)
    if label_drift:
        reason = f"{LABEL_DRIFT}: {label_drift}"
        return Limit("label drift", reason, f"{reason}: ending the run", warns=True)
    if progress.step >= run.steps:
        return Limit("steps", f"all {run.steps} steps done" if run.steps != 1 else "its only step done")
    if not _time_is_up(run.max_minutes, progress, seconds):
        return None
    if not progress.step:
        reason = nothing_trained(seconds, run.max_minutes)
        return Limit("minutes", reason, reason, warns=True)
    return Limit(
        "minutes",
        f"no time for another step within {run.max_minutes:g} min",
        f"{run.max_minutes:g} minutes are nearly used up: starting the last evaluation",
    )


def _time_is_up(max_minutes: float, progress: RunProgress, seconds: float) -> bool:
    """Return True if another step might leave too little time for the last evaluations."""
    done, evaluation_seconds = progress.step, progress.evaluation_seconds
    step_seconds = (seconds - evaluation_seconds) / done if done else 0.0
    used = seconds + progress.uncounted_seconds
    return max_minutes > 0 and used + seconds_needed(step_seconds, evaluation_seconds) >= max_minutes * 60
