"""Terminal title of a watched run: its progress, and whether it needs the user."""

from __future__ import annotations

from cure_tui.dashboard.run.header import coming_word
from cure_tui.runs.alerts import standing_alert
from cure_tui.runs.phase_progress import progress_of
from cure_tui.runs.watcher import Snapshot


def title_of(snapshot: Snapshot, kl_bound: float = 0.0) -> str:
    """Return the title, what matters first, because tabs are narrow.

    For example "12/220 live nano-..."; "! crashed 12/220 nano-..." if the user should look.
    """
    state = snapshot.state
    word = coming_word(snapshot) or ("paused" if snapshot.is_paused else snapshot.condition.value)
    progress = f"{state.step}/{state.steps}{_evaluated(snapshot)}" if state.steps else "starting"
    alert = standing_alert(snapshot, kl_bound)
    if not alert:
        return f"{progress} {word} {snapshot.path.name}"
    return f"! {alert} {progress} {snapshot.path.name}"


def _evaluated(snapshot: Snapshot) -> str:
    """Return the share of an evaluation under way that is done, which may take hours; else ""."""
    progress = progress_of(snapshot.state.phase, snapshot.live)
    if not snapshot.is_live or progress is None or not progress.total or not progress.name.startswith("evaluate"):
        return ""
    return f" eval {progress.done / progress.total:.0%}"
