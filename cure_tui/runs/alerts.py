"""Alerts for the user, found by comparing two snapshots of a run: its end, bad numbers, a misleading tester."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cure_tui.runs.watcher import Snapshot
from engine.runs.drift import KL_STEPS, LABEL_DRIFT, drifted_kl
from engine.runs.listing import RunCondition
from engine.runs.state import RunState

MU_STEPS = 10
"""Steps over which the median of mu is taken: mu of a single step is noise."""
_DRIFT_STEPS = 10 * KL_STEPS
"""Steps searched for the KL estimates that show drift: not every step has one, and a run may have 100,000 steps."""

_UNUSABLE = "'s answers hold no "
"""Part of the notice by which the engine warns of unusable answers; `engine.train.guards` writes it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One line for the user, with its severity."""

    text: str
    severity: Literal["information", "warning", "error"]


def drift(state: RunState, kl_bound: float) -> float | None:
    """Return the KL that the policy has drifted to; None if it has not drifted."""
    return drifted_kl([point.metrics.get("kl") for point in state.points[-_DRIFT_STEPS:]], kl_bound)


def alerts(before: Snapshot, after: Snapshot, kl_bound: float = 0.0) -> list[Alert]:
    """Return what is new in `after`. `kl_bound`: the KL above which the run counts as drifted, 0 for no bound."""
    if before.loading:  # a run's past, read when it is opened, is not new
        return []
    found = []
    if before.is_live and not after.is_live:
        found.append(_ending(after))
    old, new = before.state, after.state
    found += [
        Alert(notice.text, "warning")
        for notice in new.notices[len(old.notices) :]
        if notice.level == "warning" and (_UNUSABLE in notice.text or notice.text.startswith(LABEL_DRIFT))
    ]
    if new.step > old.step:
        if _not_finite(new):
            found.append(Alert(f"step {new.step}: the update was not finite; skipped", "error"))
        kl = drift(new, kl_bound)
        if kl is not None and drift(old, kl_bound) is None:
            text = f"step {new.step}: KL {kl:.3f} (median of {KL_STEPS} steps) is over {kl_bound:g}"
            found.append(Alert(text, "warning"))
        if _mu_below_zero(new) and not _mu_below_zero(old):
            found.append(Alert(f"mu is below 0 over {MU_STEPS} steps: the tests prefer wrong programs", "warning"))
    return found


def standing_alert(snapshot: Snapshot, kl_bound: float = 0.0) -> str:
    """Return the run's present fault in a few words for a window's title; "" if there is none."""
    if snapshot.condition in (RunCondition.CRASHED, RunCondition.FAILED, RunCondition.UNREADABLE):
        return snapshot.condition.value
    if not snapshot.is_live:
        return ""
    state = snapshot.state
    if _not_finite(state):
        return "update not finite"
    kl = drift(state, kl_bound)
    if kl is not None:
        return f"KL {kl:.3f}"
    return "mu below 0" if _mu_below_zero(state) else ""


def _ending(after: Snapshot) -> Alert:
    step = after.state.step
    if after.condition is RunCondition.FINISHED:
        why = f": {after.state.ending}" if after.state.ending else ""
        return Alert(f"the run finished after step {step}{why}", "information")
    if after.condition is RunCondition.STOPPED:
        return Alert(f"the run stopped after step {step}", "information")
    if after.condition is RunCondition.CRASHED:
        return Alert(f"the engine died without an error message after step {step}; r resumes the run", "error")
    return Alert(after.fault or after.state.ending or "the run failed", "error")


def _not_finite(state: RunState) -> bool:
    metrics = state.metrics
    return bool(metrics.get("nonfinite_updates")) or ("loss" in metrics and metrics["loss"] is None)


def _mu_below_zero(state: RunState) -> bool:
    recent = [point.metrics.get("mu") for point in state.points[-MU_STEPS:]]
    known = [mu for mu in recent if mu is not None]
    if len(recent) < MU_STEPS or len(known) < MU_STEPS // 2:
        return False
    from statistics import median  # it imports decimal and fractions: not before the first frame

    return median(known) < 0
