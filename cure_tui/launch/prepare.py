"""Makes a run ready to start or to go on, for the headless view and for the dashboard alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.config import RunConfig
from engine.errors import EnvironmentError_, RunError
from engine.machine.home import new_run_path
from engine.machine.probe import probe_machine
from engine.machine.requirements import missing_for
from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset
from engine.runs.folder import RunFolder
from engine.runs.listing import RunCondition, find_run


@dataclass(frozen=True)
class PreparedRun:
    """A run folder that an engine may be started on; `finished`: there is nothing left to do."""

    folder: RunFolder
    config: RunConfig
    finished: bool = False


def prepare_run(preset: str, overrides: Sequence[str], run_dir: Path | None) -> PreparedRun:
    """Makes the folder of a new run. Raises CureError: settings that cannot work, or that this machine cannot run."""
    config = load_preset(preset, overrides)
    path = run_dir.absolute() if run_dir else new_run_path(config.name)
    refuse_what_is_missing(config, path)
    return PreparedRun(RunFolder.create(path, dump_toml(config)), config)


def prepare_resume(wanted: str) -> PreparedRun:
    """Opens a run that is not under way. Raises CureError: no such run, unreadable, live, or not for this machine."""
    run = find_run(wanted)
    if run.state is RunCondition.UNREADABLE:
        raise RunError(run.fault)
    if run.state is RunCondition.LIVE:
        raise RunError(
            f"run {run.id} is already running as pid {run.pid}",
            f"watch it with `cure-tui attach {wanted}`, or stop it first",
        )
    folder = RunFolder.open(run.path)
    config = load_config(folder.config)
    if run.state is RunCondition.FINISHED:
        return PreparedRun(folder, config, finished=True)
    refuse_what_is_missing(config, folder.path)
    return PreparedRun(folder, config)


def refuse_what_is_missing(config: RunConfig, path: Path) -> None:
    """Raise EnvironmentError_ where this machine cannot run `config` in the folder `path`."""
    missing = missing_for(config, probe_machine(path))
    if missing:
        what = "; ".join(each.what for each in missing)
        remedies = "; ".join(dict.fromkeys(each.remedy for each in missing))
        raise EnvironmentError_(f"preset '{config.name}' cannot run here: {what}", remedies)
