"""Base of the views of a run: a view is updated only while it is on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Container

from cure_tui.dashboard.explain import Explanation
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.runs.activity import no_step_text
from cure_tui.runs.watcher import Snapshot
from engine.runs.records import TaskRecord

if TYPE_CHECKING:
    from cure_tui.runs.archive_view import ArchiveView


class Pane(Container):
    """View of a run. `bring` receives every new snapshot; `update_view` runs only while the pane is on the screen."""

    def __init__(self, archive: ArchiveView, *, id: str, smoothing: Smoothing | None = None) -> None:
        super().__init__(id=id)
        self.archive, self.smoothing = archive, smoothing or Smoothing()
        self._snapshot: Snapshot | None = None
        self._step: int | None = None

    @property
    def explanation(self) -> Explanation:
        """Explanation of what the view shows and of its symbols."""
        return Explanation(self.id or "")

    def bring(self, snapshot: Snapshot, step: int | None) -> None:
        """Take a new snapshot; show it if the pane is on the screen. step: the one to show, None for the newest."""
        self._snapshot, self._step = snapshot, step
        if self.display and self.is_mounted:
            self.update_view(snapshot, step)

    def catch_up(self) -> None:
        """Show the last snapshot; called when the pane comes to the front."""
        if self._snapshot is not None:
            self.update_view(self._snapshot, self._step)

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        """Show the snapshot. Implementations return early if nothing that they show has changed."""

    def newest_tasks(self, snapshot: Snapshot, step: int | None) -> list[TaskRecord]:
        """Return the archived tasks of the chosen or newest step."""
        return self.archive.tasks(step or snapshot.state.step)

    def why_no_tasks(self, snapshot: Snapshot, step: int | None) -> str:
        """Return why there is no matrix of the chosen or newest step."""
        if not snapshot.state.step:
            return no_step_text(snapshot.condition, snapshot.state)
        return self.archive.fault or f"step {step or snapshot.state.step} is not in the archive"
