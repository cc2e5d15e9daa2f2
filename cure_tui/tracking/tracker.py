"""Tracker, the protocol of an experiment tracker, and the registry: one file a tracker, imported when it is chosen."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from engine.errors import EnvironmentError_
from engine.machine.extras import install_extra

TRACKERS = ("tensorboard",)
"""Names of the trackers: each is a module of this package and an extra of the project."""


@dataclass(frozen=True, slots=True)
class Table:
    """Table of texts, made printable and bounded: `rows` have as many cells as `columns`."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


class Tracker(Protocol):
    """Tracker that is sent one run. What was sent is kept there once `flush` has returned."""

    def open(self, run: str, config: Mapping[str, str], since: int) -> bool:
        """Open the run there, forgetting steps >= `since`; return False if it holds nothing of the run."""

    def rewind(self, step: int) -> None:
        """Forget steps >= `step`."""

    def metrics(self, step: int, time: float, values: Mapping[str, float]) -> None:
        """Send numbers by name; `time`: Unix time."""

    def table(self, step: int, time: float, table: Table) -> None:
        """Send a table."""

    def flush(self) -> None:
        """Return once everything sent is kept."""

    def close(self) -> None:
        """Keep everything sent and release the tracker's files."""


def load_tracker(name: str, target: str) -> Tracker:
    """Return the tracker of that name. Raises EnvironmentError_ with the command if its library is missing."""
    try:
        module = importlib.import_module(f"cure_tui.tracking.{name}")
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith(("cure_tui", "engine")):
            raise
        lacking = f"--to {name} needs {(missing.name or '').partition('.')[0]}"
        raise EnvironmentError_(lacking, install_extra(name)) from missing
    return cast("Tracker", module.open_tracker(target))
