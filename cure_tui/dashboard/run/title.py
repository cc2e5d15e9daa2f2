"""A watched run in the terminal's title: how far it is, and whether it needs somebody."""

from __future__ import annotations

from cure_tui.dashboard.run.header import coming_word
from cure_tui.runs.alerts import standing_alert
from cure_tui.runs.watcher import Snapshot
from engine.runs.state import RunStatus


def title_of(snapshot: Snapshot, kl_bound: float = 0.0) -> str:
    """In at most a line, what matters first, for tabs are narrow.

    Such as "12/220 live nano-..."; "! crashed 12/220 nano-..." where somebody should look.
    """
    state = snapshot.state
    paused = snapshot.is_live and state.status is RunStatus.PAUSED
    word = coming_word(snapshot) or ("paused" if paused else snapshot.condition.value)
    progress = f"{state.step}/{state.steps}"
    alert = standing_alert(snapshot, kl_bound)
    if not alert:
        return f"{progress} {word} {snapshot.path.name}"
    return f"! {alert} {progress} {snapshot.path.name}"
