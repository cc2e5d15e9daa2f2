"""`cure-tui attach`: watch a run, live or past, in the dashboard."""

from __future__ import annotations

from typing import Annotated

import typer

from cure_tui.commands.runs import run_ids
from cure_tui.commands.values import Yes
from cure_tui.terminal import in_terminal
from engine.errors import ConfigError, RunError


def attach(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|DIR]",
            help="A run's or an evaluation's id, a part of it, or its folder; by default the newest run.",
            autocompletion=run_ids,
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """Watch a run or an evaluation in the dashboard; closing it does not stop the run."""
    if not in_terminal():
        raise ConfigError("the dashboard needs a terminal", "list runs with `cure-tui runs`, or --json for scripts")
    from cure_tui.dashboard.opening import show_dashboard
    from cure_tui.launch.question import confirm_origin
    from engine.evaluate.folder import find_watched
    from engine.runs.listing import list_runs

    found = find_watched(run) if run is not None else next(iter(list_runs()), None)
    if found is None:
        raise RunError("there are no runs yet", "start one: cure-tui --preset nano")
    confirm_origin([found.path], yes=yes)
    show_dashboard(found.path)
