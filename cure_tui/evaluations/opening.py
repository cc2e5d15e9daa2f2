"""Reports of evaluations, found by name, beginning of a name, folder or file."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import RunError
from engine.evaluation.report import Report
from engine.machine.home import home
from engine.runs.faults import run_faults
from engine.runs.files import read_file
from engine.runs.listing import find_run

REPORT = "report.json"
_MOST_BYTES = 1 << 29
_LIST = "give the name of an evaluation, its folder, or a report.json"


def open_report(wanted: str) -> Report:
    """Read the report of an evaluation. Raises RunError: none matches, or several do, or none is written; DataError."""
    path = Path(wanted).expanduser()
    if path.suffix == ".json" and path.is_file():
        path = path.absolute()
        folder, name = path.parent, path.name
    else:
        folder, name = _folder(wanted), REPORT
    with run_faults(folder):
        try:
            text = read_file(folder, name, _MOST_BYTES)
        except FileNotFoundError:
            raise RunError(
                f"{folder.name} has no report yet", "let it finish a task, or go on with `cure-tui eval`"
            ) from None
    return Report.from_json(text, f"the report of {wanted}")


def evaluation_names() -> list[str]:
    """Return the names of the evaluations that have a report, for shell completion."""
    return sorted(path.parent.name for path in (home() / "evaluations").glob(f"*/{REPORT}"))


def _folder(wanted: str) -> Path:
    if os.sep in wanted and not os.path.lexists(Path(wanted).expanduser() / "version"):
        raise RunError(f"{wanted} is no evaluation", _LIST)
    try:
        return find_run(wanted, home() / "evaluations").path
    except RunError as error:
        if error.message.startswith("there is no run"):
            raise RunError(f"there is no evaluation {wanted!r}", _LIST) from error
        raise
