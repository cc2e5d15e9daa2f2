"""`cure-tui log`: send a run, live or past, to an experiment tracker."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cure_tui.commands.runs import run_ids
from cure_tui.commands.values import Yes
from engine.errors import ConfigError, CureError, RunError

if TYPE_CHECKING:
    from cure_tui.runs.tracking.follow import Follower
    from cure_tui.runs.tracking.tracker import Tracker
    from engine.runs.listing import RunCondition

_NICENESS = 10


def log(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DIR",
            help="A run's or an evaluation's id, a part of it, or its folder.",
            autocompletion=run_ids,
        ),
    ],
    to: Annotated[str, typer.Option("--to", metavar="TRACKER", help="tensorboard, wandb, trackio or mlflow.")],
    target: Annotated[
        str, typer.Option(metavar="DIR|URI", help="Where the tracker keeps it: a folder; of mlflow, also an address.")
    ] = "",
    project: Annotated[
        str, typer.Option(metavar="NAME", help="Project, or experiment, that the run joins there.")
    ] = "",
    follow: Annotated[bool, typer.Option(help="Go on until a live run ends, or send what is there.")] = True,
    tables_every: Annotated[
        int, typer.Option(min=0, help="Send a sample of rollouts and a pass matrix every N steps; 0: none.")
    ] = 10,
    yes: Yes = False,
) -> None:
    """Send a run's metrics, evaluations, settings and samples to a tracker; called again, go on where it stopped."""
    from cure_tui.launch.question import confirm_origin
    from cure_tui.runs.tracking.follow import Follower
    from cure_tui.runs.tracking.place import PlaceFile
    from cure_tui.runs.tracking.tracker import TRACKERS, load_tracker
    from engine.evaluate.folder import find_watched
    from engine.runs.folder import RunFolder

    if to not in TRACKERS:
        raise ConfigError(f"no tracker is called {to!r}", f"give --to {', '.join(TRACKERS)}")
    folder = RunFolder.open(find_watched(run).path)
    confirm_origin([folder.path], yes=yes)
    tracker = load_tracker(to, _resolved(target, folder.path), project)
    os.nice(_NICENESS)  # a training beside this one has the first claim on the cores
    with PlaceFile(to, tracker.target, folder.path) as places:
        _send(Follower(folder, tracker, places, tables_every=tables_every), tracker, to, folder.path, follow=follow)


def _send(follower: Follower, tracker: Tracker, to: str, run_dir: Path, *, follow: bool) -> None:
    """Send the run, and tell on stderr how far it came, however it ends."""
    from cure_tui.runs.tracking.tracker import tracker_faults
    from engine.runs.listing import RunCondition

    name = run_dir.name
    try:
        with tracker_faults(to):
            condition = follower.send_new()
            if follow and condition is RunCondition.LIVE:
                typer.echo(f"following {name} (Ctrl-C ends it, the same command goes on)", err=True)
                condition = follower.follow()
            tracker.close(condition)
    except (KeyboardInterrupt, CureError):
        _give_up(tracker, to)
        if follower.is_open:
            typer.echo(_how_far(follower), err=True)
        raise
    if not follower.is_open:
        raise RunError(f"run {name} has recorded nothing yet", "wait for its first evaluation or step")
    _tell_remarks(follower)
    typer.echo(f"run {name} {_words(condition)}: {_how_far(follower)} to {to}", err=True)
    typer.echo(f"look at it with: {tracker.hint}", err=True)


def _give_up(tracker: Tracker, to: str) -> None:
    """Release what the tracker has open; what it fails at now adds nothing to the first error."""
    from cure_tui.runs.tracking.tracker import tracker_faults

    try:
        with tracker_faults(to):
            tracker.close(None)
    except CureError:
        return


def _tell_remarks(follower: Follower) -> None:
    if follower.skipped:
        typer.echo(f"warning: {follower.skipped} lines of the journal are damaged and were skipped", err=True)
    if follower.tables_fault:
        typer.echo(f"warning: tables are left out: {follower.tables_fault}", err=True)


def _how_far(follower: Follower) -> str:
    return f"sent up to step {follower.kept.step}" if follower.kept.highest >= 0 else "nothing was sent"


def _words(condition: RunCondition) -> str:
    return {"live": "is live", "finished": "has finished", "stopped": "was stopped", "failed": "has failed"}.get(
        condition.value, "has crashed"
    )


def _resolved(target: str, run_dir: Path) -> str:
    """Return the target as an absolute path unless it is an address. Raises ConfigError if it lies in the run."""
    from engine.machine.regular_files import can_be_path, user_path

    if not target or "://" in target or target == "databricks":
        return target
    if not can_be_path(target):
        raise ConfigError("--target can be no folder", "give a shorter name, without a NUL")
    path = user_path(target).resolve()
    if path.is_relative_to(run_dir.resolve()):
        raise ConfigError("--target lies in the run's folder", "give a folder outside of it")
    return str(path)
