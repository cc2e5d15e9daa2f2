"""`cure-tui log`: send a run, live or past, to an experiment tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cure_tui.commands.runs import run_ids
from cure_tui.commands.values import Yes
from cure_tui.tracking.tracker import TRACKERS, load_tracker
from engine.errors import ConfigError


def log(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DIR", help="A run's id, a prefix of it, or the run's folder.", autocompletion=run_ids
        ),
    ],
    to: Annotated[str, typer.Option("--to", metavar="|".join(TRACKERS), help="Tracker to send the run to.")],
    target: Annotated[str, typer.Option(help="Folder of the tracker's files; by default in the user's data.")] = "",
    follow: Annotated[bool, typer.Option(help="Go on until a live run ends, or send what is there.")] = True,
    tables_every: Annotated[
        int, typer.Option(min=0, help="Send a sample of rollouts and a pass matrix every N steps; 0: none.")
    ] = 10,
    yes: Yes = False,
) -> None:
    """Send a run's metrics, evaluations, settings and samples to a tracker; called again, go on where it stopped."""
    if to not in TRACKERS:
        raise ConfigError(f"no tracker is called {to!r}", f"give --to {', '.join(TRACKERS)}")
    from cure_tui.launch.question import confirm_origin
    from cure_tui.tracking.follow import Follower
    from cure_tui.tracking.place import PlaceFile
    from engine.machine.home import run_name
    from engine.machine.regular_files import user_path
    from engine.runs.folder import RunFolder
    from engine.runs.listing import find_run

    folder = RunFolder.open(find_run(run).path)
    confirm_origin([folder.path], yes=yes)
    if target:
        target = str(user_path(target).resolve())
        if Path(target).is_relative_to(folder.path.resolve()):
            raise ConfigError("--target lies in the run's folder", "give a folder outside of it")
    tracker = load_tracker(to, target)
    with PlaceFile(to, target, folder.path) as places:
        follower = Follower(folder, tracker, places, tables_every=tables_every)
        name = run_name(folder.path)
        try:
            condition = follower.follow(forever=follow)
        except KeyboardInterrupt:
            typer.echo(f"sent up to step {follower.place.step}; the same command goes on", err=True)
            raise
        finally:
            tracker.close()
        typer.echo(f"run {name} is {condition}; sent up to step {follower.place.step} to {to}", err=True)
