"""`cure-tui resume`: go on with a run from its last checkpoint."""

from __future__ import annotations

from typing import Annotated

import typer

from cure_tui.commands.runs import run_ids
from cure_tui.terminal import in_terminal


def resume(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DIR", help="A run's id, the beginning of it, or its folder.", autocompletion=run_ids
        ),
    ],
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Without the dashboard: one line a step.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Last line of stdout: the result as JSON.")] = False,
) -> None:
    """Go on with a run from its last checkpoint: in the dashboard in a terminal, else headless."""
    if no_ui or as_json or not in_terminal():
        from cure_tui.headless.run import resume_run

        raise typer.Exit(resume_run(run, as_json=as_json))
    from cure_tui.dashboard.opening import resume_in_dashboard

    resume_in_dashboard(run)
