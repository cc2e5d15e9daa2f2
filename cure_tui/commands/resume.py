"""`cure-tui resume`: continuation of a run from its last checkpoint."""

from __future__ import annotations

from typing import Annotated

import typer

from cure_tui.commands.runs import run_ids
from cure_tui.commands.values import Yes, finite
from cure_tui.terminal import in_terminal


def resume(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DIR", help="A run's id, a part of it, or the run's folder.", autocompletion=run_ids
        ),
    ],
    steps: Annotated[
        int | None, typer.Option(min=1, help="New limit: steps in total, including those already done.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0, callback=finite, help="New limit: minutes in total, including those already used; 0: no limit."
        ),
    ] = None,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="No dashboard: print one line per step.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="No dashboard: print the result as a line of JSON.")] = False,
    yes: Yes = False,
) -> None:
    """Resume a run from its last checkpoint.

    It opens the dashboard, if there is a terminal. A finished run needs a new limit: --steps or --minutes.
    """
    from cure_tui.launch.question import confirm_origin
    from engine.runs.listing import find_run

    confirm_origin([find_run(run).path], yes=yes)
    if no_ui or as_json or not in_terminal():
        from cure_tui.headless.run import resume_run

        raise typer.Exit(resume_run(run, steps, minutes, as_json=as_json))
    from cure_tui.dashboard.opening import resume_in_dashboard

    resume_in_dashboard(run, steps, minutes)
