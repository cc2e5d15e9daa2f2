"""Trackio: a SQLite database a project, in a folder. It is written here, in transactions, without Trackio's threads.

`trackio.log` gives a step the time at which it is sent, and a full disk or a locked database becomes a warning there.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cure_tui.runs.tracking.tracker import PROJECT, Numbers, Table, TrackedRun
from engine.errors import RunError
from engine.runs.listing import RunCondition

if TYPE_CHECKING:
    from trackio.sqlite_storage import SQLiteStorage

_FOLDER_VARIABLE = "TRACKIO_DIR"


class Trackio:
    """Writer of one run. A row has an id made of run, step and part: sent twice, it is kept once."""

    def __init__(self, storage: type[SQLiteStorage], folder: Path, project: str, hint: str) -> None:
        self._storage, self._project = storage, project
        self.target, self.hint = f"{folder} {project}", hint
        self._rows: list[tuple[str, int, float, Mapping[str, Any]]] = []

    def open(self, run: TrackedRun, config: Mapping[str, str], since: int) -> int:
        self._run, self._config = run, dict(config)
        held = self._storage.get_max_step_for_run(self._project, run.name, run_id=run.key) is not None
        return since if held else 0

    def rewind(self, step: int) -> int:
        """Remove the run: Trackio has no way to remove some of its steps."""
        self._rows.clear()
        if not self._storage.delete_run(self._project, self._run.name, run_id=self._run.key):
            what = f"trackio cannot remove run {self._run.name}, whose steps are run again"
            raise RunError(what, f"remove it there from project {self._project}, then give the same command")
        return 0

    def metrics(self, numbers: Numbers) -> None:
        self._rows.append((numbers.part, numbers.step, numbers.time, numbers.values))

    def table(self, step: int, time: float, table: Table) -> None:
        rows = [dict(zip(table.columns, map(_markdown, row), strict=True)) for row in table.rows]
        self._rows.append((f"table {table.name}", step, time, {table.name: {"_type": "trackio.table", "_value": rows}}))

    def flush(self) -> None:
        """Write all rows in one transaction."""
        rows, key = self._rows, self._run.key
        self._storage.bulk_log(
            self._project,
            self._run.name,
            [dict(values) for _, _, _, values in rows],
            steps=[step for _, step, _, _ in rows],
            timestamps=[datetime.fromtimestamp(time, UTC).isoformat() for _, _, time, _ in rows],
            config=self._config,
            log_ids=[f"{key} {step} {part}" for part, step, _, _ in rows],
            run_id=key,
        )
        self._rows = []

    def close(self, condition: RunCondition | None) -> None:
        """Release nothing: each flush opens the database and closes it."""


def _markdown(cell: str) -> str:
    """Return text for a cell, which the dashboard reads as Markdown: no tag of a model's answer may be obeyed."""
    return cell.replace("&", "&amp;").replace("<", "&lt;")


def open_tracker(target: str, project: str) -> Trackio:
    """Return a writer into the folder `target`, by default Trackio's own. Raises ValueError: no name of a project."""
    if target:
        os.environ[_FOLDER_VARIABLE] = target  # read when the library is loaded
    from trackio.sqlite_storage import SQLiteStorage
    from trackio.utils import TRACKIO_DIR

    project = project or PROJECT
    SQLiteStorage.validate_project_name(project)
    TRACKIO_DIR.mkdir(parents=True, exist_ok=True)
    place = f"{_FOLDER_VARIABLE}={shlex.quote(target)} " if target else ""
    return Trackio(SQLiteStorage, TRACKIO_DIR, project, f"{place}trackio show --project {shlex.quote(project)}")
