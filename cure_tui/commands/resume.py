"""`cure-tui resume`: go on with a run from its last checkpoint."""

from __future__ import annotations

from typing import Annotated

import typer

from cure_tui.commands.runs import run_ids


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
    """Go on with a run from its last checkpoint."""
    from cure_tui.headless import resume_run

    if not no_ui:
        typer.echo("the dashboard is not part of this version yet: running as with --no-ui", err=True)
    raise typer.Exit(resume_run(run, as_json=as_json))
