"""`cure-tui runs`: list of this machine's runs, newest first."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.runs.listing import RunInfo


def run_ids() -> list[str]:
    """Return the ids of all runs, for shell completion."""
    from engine.runs.listing import list_runs

    return [run.id for run in list_runs()]


def runs(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False) -> None:
    """List the runs of this machine, newest first."""
    from engine.machine.home import runs_home
    from engine.runs.listing import list_runs

    found = list_runs()
    if as_json:
        typer.echo(json.dumps([_as_json(run) for run in found]))
        return
    if not found:
        typer.echo(f"no runs in {runs_home()}; start one: cure-tui --preset nano --no-ui", err=True)
        return
    from cure_tui.drawing.tables import text_table

    rows = [[run.id, _state(run), f"{run.step}/{run.steps}", _when(run.started), _remark(run)] for run in found]
    typer.echo(text_table(["RUN", "STATE", "STEP", "STARTED", "REMARK"], rows))


def _state(run: RunInfo) -> str:
    return "paused" if run.paused else run.state.value


def _when(moment: float | None) -> str:
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M") if moment else "-"


def _remark(run: RunInfo) -> str:
    return "; ".join(filter(None, (run.fault, run.ending)))


def _as_json(run: RunInfo) -> dict[str, object]:
    return {
        "run": run.id,
        "path": str(run.path),
        "state": _state(run),
        "preset": run.preset,
        "step": run.step,
        "steps": run.steps,
        "started": run.started,
        "updated": run.updated,
        "pid": run.pid,
        "metrics": dict(run.metrics) if run.metrics else {},
        "remark": _remark(run),
    }
