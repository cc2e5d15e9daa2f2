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
    steps: Annotated[
        int | None, typer.Option(min=1, help="New limit: steps in total, those already done included.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="New limit: minutes in total, those already used included; 0 = none.")
    ] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Without the dashboard: one line a step.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Last line of stdout: the result as JSON.")] = False,
) -> None:
    """Go on with a run from its last checkpoint: in the dashboard in a terminal, else headless.

    A finished run goes on with new limits.
    """
    if no_ui or as_json or not in_terminal():
        from cure_tui.headless.run import resume_run

        raise typer.Exit(resume_run(run, steps, minutes, as_json=as_json))
    from cure_tui.dashboard.opening import resume_in_dashboard

    resume_in_dashboard(run, steps, minutes)
