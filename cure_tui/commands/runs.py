"""`cure-tui runs`: list of this machine's runs, newest first; `runs export RUN`: a run as a file to hand on."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cure_tui.commands.values import completable, folder
from cure_tui.exit_codes import epilog

if TYPE_CHECKING:
    from engine.runs.listing import RunInfo


runs_app = typer.Typer(rich_markup_mode=None, invoke_without_command=True, epilog=epilog("runs"))


def run_ids() -> list[str]:
    """Return the ids of all runs, for shell completion."""
    from engine.runs.listing import list_runs

    return completable(run.id for run in list_runs())


@runs_app.callback()
def runs(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False
) -> None:
    """List the runs of this machine, newest first; export one."""
    if context.invoked_subcommand is not None:
        return
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

    rows = [[run.id, _state(run), f"{run.step}/{run.steps or '?'}", _when(run.started), _remark(run)] for run in found]
    typer.echo(text_table(["RUN", "STATE", "STEP", "STARTED", "REMARK"], rows))


@runs_app.command()
def export(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DIR", help="A run's id, a part of it, or the run's folder.", autocompletion=run_ids
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", parser=folder, metavar="RUN.tar", help="New file for the run.")
    ],
) -> None:
    """Write a run with its checkpoints into one file, for `cure-tui import`."""
    from engine.runs.folder import RunFolder
    from engine.runs.listing import find_run
    from engine.runs.transfer import export_run

    export_run(RunFolder.open(find_run(run).path), output)
    typer.echo(output)


def _state(run: RunInfo) -> str:
    return "paused" if run.paused else run.state.value


def _when(moment: float | None) -> str:
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M") if moment else "-"


def _remark(run: RunInfo) -> str:
    from cure_tui.runs.phase_progress import progress_of

    progress = str(progress_of(run.phase) or "")
    start = run.start and f"from {run.start}"
    return "; ".join(filter(None, (run.note, run.fault, start, run.rewards, run.ending, progress)))


def _as_json(run: RunInfo) -> dict[str, object]:
    from engine.runs.notes import tags_of

    return {
        "run": run.id,
        "path": str(run.path),
        "state": _state(run),
        "preset": run.preset,
        "step": run.step,
        "steps": run.steps,
        "start": run.start,
        "rewards": run.rewards,
        "started": run.started,
        "updated": run.updated,
        "pid": run.pid,
        "metrics": dict(run.metrics) if run.metrics else {},
        "note": run.note,
        "tags": list(tags_of(run.note)),
        "remark": _remark(run),
    }
