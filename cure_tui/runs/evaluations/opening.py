"""Reports of evaluations, found by name, beginning of a name, folder or file."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import RunError
from engine.evaluate.folder import MOST_BYTES, REPORT, find_evaluation
from engine.evaluation.report import Report
from engine.machine.home import evaluations_home
from engine.runs.faults import run_faults
from engine.runs.files import read_file


def open_report(wanted: str) -> Report:
    """Read the report of an evaluation. Raises RunError: none matches, or several do, or none is written; DataError."""
    path = Path(wanted).expanduser()
    if path.suffix == ".json" and path.is_file():
        with run_faults(path.absolute().parent):
            return Report.from_json(read_file(path.absolute().parent, path.name, MOST_BYTES), wanted)
    if os.sep in wanted and not os.path.lexists(path / "version"):
        raise RunError(f"{wanted} is no evaluation", "give an evaluation's name, its folder, or a report.json")
    report = find_evaluation(wanted).read_report()
    if report is None:
        raise RunError(f"{wanted} has no report yet", f"go on with it: cure-tui eval --resume {wanted}")
    return report


def evaluation_names() -> list[str]:
    """Return the names of the evaluations that have a report, for shell completion."""
    return sorted(path.parent.name for path in evaluations_home().glob(f"*/{REPORT}"))
