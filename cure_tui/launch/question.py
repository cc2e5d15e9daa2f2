"""Questions before a training starts: its preset, its end, and the other runs that are live on this machine."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from cure_tui.drawing.spans import printable
from cure_tui.exit_codes import STOPPED
from cure_tui.launch.data_found import data_lines
from cure_tui.launch.labels import label_tester, reward_lines
from cure_tui.launch.plan_report import start_lines
from engine.config import RunConfig
from engine.errors import RunError
from engine.machine.home import run_name, runs_home
from engine.machine.probe import probe_machine
from engine.machine.run_plan import Room, plan_run
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.listing import RunCondition, RunInfo, find_run, list_runs, read_info
from engine.runs.lock import lock_holder
from engine.runs.origin import accept, foreign_origin
from engine.solve.label_tester import tester_of
from engine.solve.writers.spec import parse_spec

_NAMED = 3  # more than one live run is rare, more than three would fill a small window


@dataclass(frozen=True)
class Question:
    """Question for the dashboard.

    beside: True if another training is live on this machine, or the run is not the user's own: Enter alone starts none.
    live: the other runs in a sentence, the last paragraph of the text; "" if there are none.
    """

    text: str
    beside: bool
    live: str = ""


def start_question(config: RunConfig, notes: Sequence[str] = (), foreign: str = "") -> Question:
    """Describe a new run by a preset with its plan, and name the other live runs.

    notes: on the adapter that it starts from and the tester of its labels; foreign: why these are not the user's own.
    """
    preset = f"{config.name}@{config.variant}" if config.variant else config.name
    ends = f"{config.run.steps} steps"
    if config.run.max_minutes:
        ends += f" or {config.run.max_minutes:g} minutes, whichever comes first"
    origin = [f"It starts from the adapter of {config.start}, with a fresh optimiser."] if config.start else []
    lines = [*origin, *notes, *reward_lines(config), f"It ends after {ends}.", *data_lines(config)]
    lines += start_lines(config, plan_run(config, Room.of(probe_machine(runs_home()))))
    return _question(f"Start a run of preset {preset}?", config.description, *lines, foreign=foreign)


def resume_question(config: RunConfig, folder: RunFolder) -> Question:
    """Tell at which step a run resumes, and name the other live runs."""
    place = f"It continues after step {read_info(folder.path).step} of {config.run.steps}."
    origin = foreign_origin(folder.path)
    return _question(f"Resume the training {run_name(folder.path)}?", place, foreign=origin and f"this run {origin}")


def _question(*lines: str, foreign: str) -> Question:
    whose = [f"{foreign[0].upper()}{foreign[1:]}: its settings and files are somebody else's."] if foreign else []
    warning = live_warning()
    text = "\n".join(map(printable, (*lines, *whose)))
    return Question(f"{text}\n\n{warning}" if warning else text, beside=bool(warning or foreign), live=warning)


def live_warning() -> str:
    """Name the runs in `runs_home()` with an engine on this machine, paused or not; "" if there are none."""
    live = [run for run in list_runs() if run.state is RunCondition.LIVE and _is_here(run)]
    if not live:
        return ""
    named = [
        f"{run.id} ({'paused' if run.paused else 'live'}, step {run.step}/{run.steps or '?'})" for run in live[:_NAMED]
    ]
    named += [f"{len(live) - _NAMED} more"] if len(live) > _NAMED else []
    count = "A run is" if len(live) == 1 else f"{len(live)} runs are"
    return printable(f"{count} live on this machine: {', '.join(named)}. Two trainings share GPU, memory and cores.")


def confirm_beside_live_runs() -> None:
    """Ask the user in the terminal before a second training starts; a no ends the command with status STOPPED.

    A script gets one line of warning instead: it has no user to answer and would wait for ever.
    """
    warning = live_warning()
    if not warning:
        return
    typer.echo(f"warning: {warning}", err=True)
    if has_user():
        typer.echo("start another training anyway? [y/N] ", nl=False, err=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            typer.echo("nothing was started", err=True)
            raise typer.Exit(STOPPED)


def confirm_origin(run_dirs: Iterable[Path], *, yes: bool) -> None:
    """Ask the user before runs that are not their own are opened; a no ends the command with status STOPPED.

    yes: the user has agreed on the command line. Raises RunError if there is no user to ask.
    """
    for run_dir in dict.fromkeys(run_dirs):
        said = origin_warning([run_dir])
        if said and not yes:
            if not has_user():
                raise RunError(said, "look through its config.toml; if you trust its author, add --yes")
            typer.echo(f"warning: {said}: its settings and files are somebody else's", err=True)
            typer.echo("open it anyway? [y/N] ", nl=False, err=True)
            if sys.stdin.readline().strip().lower() not in ("y", "yes"):
                typer.echo("nothing was opened", err=True)
                raise typer.Exit(STOPPED)
        if said:
            accept(run_dir)


def confirm_models(writers: Iterable[str | None], *, yes: bool) -> None:
    """Ask, as `confirm_origin` does, before a model of a run that is not the user's own is loaded, or even looked at.

    writers: specs, such as "run:nano-1"; those of no run pass. Raises ConfigError for what is no spec.
    """
    specs = [parse_spec(writer) for writer in writers if writer]
    confirm_origin([find_run(spec.name).path for spec in specs if spec.kind == "run"], yes=yes)


def confirm_labels(preset: str, overrides: Sequence[str], *, yes: bool) -> None:
    """Ask, as `confirm_models` does, before a run of others writes the labels of a new run. Raises CureError."""
    confirm_models([label_tester(load_preset(preset, overrides))], yes=yes)


def labels_warning(config: RunConfig) -> str:
    """Say why the run that writes the labels is not the user's own; "" if it is, or no run writes them."""
    spec = tester_of(config.reward.labels)
    return origin_warning([find_run(spec.name).path]) if spec is not None and spec.kind == "run" else ""


def origin_warning(run_dirs: Iterable[Path]) -> str:
    """Say which of the runs are not the user's own, and why; "" if all are. Raises RunError if one cannot be read."""
    found = ((run_name(each), foreign_origin(each)) for each in run_dirs)
    return printable("; ".join(f"run {name} {origin}" for name, origin in found if origin))


def _is_here(run: RunInfo) -> bool:
    """Return False for a run of another host, which a home on a network disk lists as well."""
    return lock_holder(RunFolder(run.path).lock_file).host in ("", socket.gethostname())


def has_user() -> bool:
    """Return True if stdin and stderr are a TTY and this is its foreground job: reading would stop a background job."""
    try:
        return sys.stderr.isatty() and sys.stdin.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False
