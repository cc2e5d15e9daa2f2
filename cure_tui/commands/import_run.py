"""`cure-tui import`: a run that somebody handed on, from the file that `cure-tui runs export` wrote."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from cure_tui.commands.values import folder


def import_run(
    source: Annotated[Path, typer.Argument(parser=folder, metavar="RUN.tar", help="File of the run.")],
    run_dir: Annotated[
        Path | None,
        typer.Option(parser=folder, metavar="DIR", help="New folder for the run, instead of one under its name."),
    ] = None,
) -> None:
    """Import a run from a file; nothing in it is executed.

    Refused: links, devices, paths that lead outside, more than 10,000 files, more than 256 GiB, a run that exists.
    """
    from engine.machine.home import run_name, runs_home
    from engine.runs.transfer import import_run as unpack

    for number in (signal.SIGTERM, signal.SIGHUP):  # leave nothing behind, as after Ctrl-C
        signal.signal(number, lambda received, frame: sys.exit(128 + received))
    imported = unpack(source, runs_home(), run_dir)
    typer.echo(run_name(imported.path))
    typer.echo("it was made elsewhere: every command asks before it opens it", err=True)
