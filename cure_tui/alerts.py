"""What a user wants to be called for, told from two pictures of a run: its end, bad numbers, a tester gone wrong."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Literal

from cure_tui.watch import Snapshot
from engine.runs.listing import RunCondition
from engine.runs.state import RunState

MU_STEPS = 10
"""Steps whose mu is looked at together: that of a single step is noise."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One line for the user, and how bad it is."""

    text: str
    severity: Literal["information", "warning", "error"]


def alerts(before: Snapshot, after: Snapshot, kl_bound: float = 0.0) -> list[Alert]:
    """What has come about between the two. `kl_bound`: where the run counts KL as drift, 0 for nowhere."""
    if before.loading:  # what a run has behind it when it is opened is no news
        return []
    found = []
    if before.is_live and not after.is_live:
        found.append(_ending(after))
    old, new = before.state, after.state
    if new.step > old.step:
        if new.metrics.get("nonfinite_updates") or ("loss" in new.metrics and new.metrics["loss"] is None):
            found.append(Alert(f"step {new.step}: the update was not finite and was left out", "error"))
        if _over(new, kl_bound) and not _over(old, kl_bound):
            kl = new.metrics["kl"]
            found.append(Alert(f"step {new.step}: KL {kl:.3f} is over {kl_bound:g}", "warning"))
        if _mu_below_zero(new) and not _mu_below_zero(old):
            found.append(Alert(f"mu is below 0 over {MU_STEPS} steps: the tests choose wrong programs", "warning"))
    return found


def _ending(after: Snapshot) -> Alert:
    step = after.state.step
    if after.condition is RunCondition.FINISHED:
        return Alert(f"the run is finished after step {step}", "information")
    if after.condition is RunCondition.STOPPED:
        return Alert(f"the run stopped after step {step}", "information")
    if after.condition is RunCondition.CRASHED:
        return Alert(f"the engine went without a word after step {step}; r resumes the run", "error")
    return Alert(after.fault or after.state.ending or "the run failed", "error")


def _over(state: RunState, bound: float) -> bool:
    kl = state.metrics.get("kl")
    return bound > 0 and kl is not None and kl > bound


def _mu_below_zero(state: RunState) -> bool:
    recent = [point.metrics.get("mu") for point in state.points[-MU_STEPS:]]
    known = [mu for mu in recent if mu is not None]
    return len(known) >= MU_STEPS // 2 and len(recent) == MU_STEPS and statistics.median(known) < 0
