"""Other runs whose curves are drawn over a run's own; each is followed while it is live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cure_tui.runs.listing import LETTERS
from cure_tui.runs.watcher import RunWatcher, Snapshot
from engine.runs.state import RunState

MOST_OTHERS = len(LETTERS) - 1


class OverlaidRuns:
    """Up to `MOST_OTHERS` runs beside one that is watched already, in the order in which they were added."""

    def __init__(self) -> None:
        self._watchers: dict[Path, RunWatcher] = {}
        self._snapshots: dict[Path, Snapshot] = {}

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(self._watchers)

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Newest snapshot of each run, in their order."""
        return tuple(self._snapshots[path] for path in self._watchers)

    @property
    def is_full(self) -> bool:
        return len(self._watchers) >= MOST_OTHERS

    def add(self, path: Path) -> None:
        """Begin to read a run. Raises RunError if it is not one that this version can read."""
        watcher = RunWatcher(path, lambda snapshot: self._hear(path, snapshot))
        self._snapshots[path] = Snapshot(path)
        self._watchers[path] = watcher
        watcher.start()

    def remove(self, path: Path) -> None:
        watcher = self._watchers.pop(path, None)
        if watcher is not None:
            watcher.close()
            del self._snapshots[path]

    def close(self) -> None:
        for path in self.paths:
            self.remove(path)

    def _hear(self, path: Path, snapshot: Snapshot) -> None:
        """Keep the newest snapshot; runs in a watcher's thread."""
        if path in self._watchers:
            self._snapshots[path] = snapshot


def lettered(own: RunState, others: Sequence[Snapshot]) -> list[tuple[str, RunState]]:
    """Return the states by the letters of their lines: A is the run itself."""
    return list(zip(LETTERS, (own, *(each.state for each in others)), strict=False))
