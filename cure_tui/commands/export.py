"""`cure-tui export`: a run's trained model as a peft adapter, or merged into its base model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cure_tui.commands.runs import run_ids
from cure_tui.commands.values import Yes, folder


def export(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|DIR", help="A run's id, a part of it, or the run's folder.", autocompletion=run_ids
        ),
    ],
    adapter: Annotated[
        Path | None,
        typer.Option(parser=folder, metavar="DIR", help="New folder for the LoRA adapter, for peft or vLLM."),
    ] = None,
    merged: Annotated[
        Path | None,
        typer.Option(parser=folder, metavar="DIR", help="New folder for the base model with the adapter merged in."),
    ] = None,
    step: Annotated[
        str, typer.Option(metavar="N|best|last", help="Checkpoint: of a step, the best by validation, or the newest.")
    ] = "best",
    yes: Yes = False,
) -> None:
    """Write a run's trained model to a new folder."""
    from engine.errors import ConfigError

    if (adapter is None) == (merged is None):
        raise ConfigError("export needs exactly one form", "give one of --adapter DIR and --merged DIR")
    from cure_tui.launch.process import run_tool
    from cure_tui.launch.question import confirm_origin
    from engine.runs.listing import find_run

    target = adapter or merged
    assert target is not None
    found = find_run(run).path
    confirm_origin([found], yes=yes)
    form = "--adapter" if adapter else "--merged"
    arguments = ["--run-dir", str(found), form, str(target.absolute()), "--step", step]
    raise typer.Exit(run_tool("engine.train.export", arguments))
