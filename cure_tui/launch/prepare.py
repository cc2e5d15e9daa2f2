"""Preparation of a run to start or resume, shared by the headless view and the dashboard."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.config import RunConfig
from engine.errors import ConfigError, EnvironmentError_, RunError
from engine.machine.home import EVALUATION_REQUEST, named_run_path, new_run_path, run_name
from engine.machine.probe import probe_machine
from engine.machine.requirements import missing_for
from engine.machine.resources import source_path
from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset
from engine.prompts import style_of
from engine.runs.budget import Used, read_used
from engine.runs.checkpoints import BEST, Checkpoint, exported_checkpoint
from engine.runs.folder import RunFolder
from engine.runs.lineage import split_step
from engine.runs.listing import RunCondition, find_run
from engine.runs.state import RunState
from engine.solve.label_tester import pinned_labels

_DRIFTS = ("drift", "label drift")


@dataclass(frozen=True)
class PreparedRun:
    """Run folder that an engine may be started on, with `new_limits`.

    finished: the reason why nothing is left to do, with the command that goes on anyway; "" for a run that can resume.
    can_extend: it has only used up its limits: with new ones it goes on.
    notes: what the user should know of the adapter that a new run starts from, and of the tester of its labels.
    """

    folder: RunFolder
    config: RunConfig
    new_limits: tuple[str, ...] = ()
    finished: str = ""
    notes: tuple[str, ...] = ()
    can_extend: bool = False


def prepare_run(preset: str, overrides: Sequence[str], run_dir: Path | None, name: str = "") -> PreparedRun:
    """Create the folder of a new run; one that starts from another's adapter gets a copy of it.

    run_dir, name: its folder, or its own name among the runs; without either, a name with the time.

    Raises CureError: invalid settings, settings that cannot run here, or an adapter that does not fit them.
    """
    config = load_preset(preset, overrides)
    style_of(config.model)  # worked turns that cannot be read are said before there is a folder
    notes: list[str] = []
    config = with_labels(config, notes.append)
    path = named_run_path(name) if name else run_dir.absolute() if run_dir else new_run_path(config.name)
    refuse_what_is_missing(config, path)
    start = None
    if config.start:
        config, start = with_start(config, notes.append)
    return PreparedRun(RunFolder.create(path, dump_toml(config), start), config, notes=tuple(notes))


def with_start(config: RunConfig, tell: Callable[[str], None]) -> tuple[RunConfig, Checkpoint]:
    """Return the settings with the whole name of the run and step to start from, and the checkpoint.

    Call `tell` as `exported_checkpoint` does. Raises CureError: no such run or step, none trained yet, another base
    model, or adapters of another shape.
    """
    wanted, step = split_step(config.start.removeprefix("run:"))
    folder = RunFolder.open(find_run(wanted).path)
    name, origin = run_name(folder.path), load_config(folder.config)
    if _model(origin) != _model(config):
        raise ConfigError(
            f"run {name} has trained {origin.model.source}, and this run would train {config.model.source}",
            f"add --set model.source={shlex.quote(origin.model.source)}, or start from another run",
        )
    theirs, ours = origin.policy, config.policy
    if (theirs.lora_rank, theirs.lora_alpha) != (ours.lora_rank, ours.lora_alpha):
        raise ConfigError(
            f"the adapter of run {name} has rank {theirs.lora_rank} and alpha {theirs.lora_alpha:g}, "
            f"and this run would have {ours.lora_rank} and {ours.lora_alpha:g}",
            f"add --set policy.lora_rank={theirs.lora_rank} --set policy.lora_alpha={theirs.lora_alpha:g}",
        )
    found = exported_checkpoint(folder.checkpoints, tell, step or BEST, f"--from {wanted}@0")
    return config.model_copy(update={"start": f"{name}@{found.step}"}), found


def with_labels(config: RunConfig, tell: Callable[[str], None]) -> RunConfig:
    """Return the settings with the whole name of the tester that writes their labels, if one does.

    Call `tell` as `exported_checkpoint` does. Raises CureError: there is no such tester, or it cannot be used.
    """
    labels = pinned_labels(config.reward.labels, tell)
    if labels == config.reward.labels:
        return config
    return config.model_copy(update={"reward": config.reward.model_copy(update={"labels": labels})})


def _model(config: RunConfig) -> str:
    return str(source_path(config.model.source))


def prepare_resume(wanted: str, steps: int | None = None, minutes: float | None = None) -> PreparedRun:
    """Open a run that is not live; `steps` and `minutes`, in total, replace its limits.

    Raises CureError: no such run, unreadable, live, unable to run here, or limits that leave nothing to do.
    """
    run = find_run(wanted)
    if run.state is RunCondition.UNREADABLE:
        raise RunError(run.fault)
    if run.state is RunCondition.LIVE:
        raise RunError(
            f"run {run.id} is already running as pid {run.pid}",
            f"watch it with `cure-tui attach {wanted}`, or stop it first",
        )
    folder = RunFolder.open(run.path)
    if (folder.path / EVALUATION_REQUEST).exists():
        raise RunError(f"{folder.id} is an evaluation", f"go on with `cure-tui eval --resume {folder.id}`")
    given = [*([f"run.steps={steps}"] if steps is not None else [])]
    given += [f"run.max_minutes={minutes:g}"] if minutes is not None else []
    config = load_config(folder.config, given)
    if run.state is RunCondition.FINISHED and not given:
        used = read_used(folder.journal)
        why = f" ({used.state.ending})" if used.state.ending else ""
        remedy = _remedy(folder, config, used)
        finished = f"run {run_name(folder.path)} is finished{why}; {remedy}"
        return PreparedRun(folder, config, finished=finished, can_extend=_ended_by(used) not in _DRIFTS)
    if given:
        _refuse_limits(folder, config, read_used(folder.journal))
    refuse_what_is_missing(config, folder.path)
    return PreparedRun(folder, config, tuple(given))


def _refuse_limits(folder: RunFolder, config: RunConfig, used: Used) -> None:
    name, run, state = run_name(folder.path), config.run, used.state
    fault = ""
    if _ended_by(used) in _DRIFTS:
        fault = f"run {name} ended by drift, {state.ending}: it would end again at once"
    elif run.steps <= state.step:
        done = "1 step" if state.step == 1 else f"{state.step} steps"
        fault = f"run {name} has done {done}, and its limit is {run.steps} in total"
    elif run.max_minutes and _seconds_used(state) + used.seconds_needed >= run.max_minutes * 60:
        # Rounded up, so that the figures shown never fit within the limit that they exceed.
        spent, needed = (math.ceil(seconds / 6) / 10 for seconds in (_seconds_used(state), used.seconds_needed))
        fault = (
            f"run {name} has used {spent:.1f} min and needs {needed:.1f} for one more step and its last evaluation; "
            f"its limit is {run.max_minutes:g} in total"
        )
    if fault:
        raise ConfigError(fault, _remedy(folder, config, used))


def _remedy(folder: RunFolder, config: RunConfig, used: Used) -> str:
    """Name the command that resumes a run beyond its limits: twice as many steps, its minutes once more."""
    run, state = config.run, used.state
    if _ended_by(used) == "label drift":
        again = f"cure-tui --preset {shlex.quote(str(folder.config))} --set reward.labels=hidden"
        return f"train again with hidden tests: {again}"
    if _ended_by(used) == "drift":
        return (
            f"train again without a bound: cure-tui --preset {shlex.quote(str(folder.config))} --set policy.kl_stop=0"
        )
    steps = run.steps if run.steps > state.step else 2 * max(1, state.step)
    options = f" --steps {steps}"
    if run.max_minutes:
        lasts = _seconds_used(state) + used.seconds_needed
        minutes = run.max_minutes if lasts < run.max_minutes * 60 else math.ceil(lasts / 60 + run.max_minutes)
        options += f" --minutes {minutes:g}"
    return f"go on: cure-tui resume {shlex.quote(run_name(folder.path))}{options}"


def _seconds_used(state: RunState) -> float:
    """Return the seconds that count against the run's minutes."""
    return state.seconds - state.labelling_seconds


def _ended_by(used: Used) -> object:
    return (used.state.summary or {}).get("ended_by")


def refuse_what_is_missing(config: RunConfig, path: Path) -> None:
    """Raise EnvironmentError_ if this machine cannot run `config` in the folder `path`."""
    missing = missing_for(config, probe_machine(path))
    if missing:
        what = "; ".join(each.what for each in missing)
        remedies = "; ".join(dict.fromkeys(each.remedy for each in missing))
        raise EnvironmentError_(f"preset '{config.name}' cannot run here: {what}", remedies)
