"""Weights & Biases: a run of a project, sent at once or, with WANDB_MODE=offline, kept in files for `wandb sync`."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import wandb

from cure_tui.runs.tracking.tracker import PROJECT, Numbers, Table, TrackedRun
from engine.errors import EnvironmentError_
from engine.machine.home import home
from engine.runs.faults import has_no_space
from engine.runs.listing import RunCondition

_STEP = "step"


class WandB:
    """Writer of one run. Its steps are a metric, which every chart has as its x-axis, and may come in any order.

    W&B drops no values of a run: when steps are run again, a run of another id takes its place.
    """

    def __init__(self, folder: Path, entity: str | None, project: str, mode: str) -> None:
        self._folder, self._entity, self._project, self._mode = folder, entity, project, mode
        self.target = f"{mode} {folder} {entity or ''}/{project}"
        self.hint = ""
        self._live: Any = None

    def open(self, run: TrackedRun, config: Mapping[str, str], since: int) -> int:
        self._run, self._config, self._generation = run, dict(config), run.generation
        kept = any((self._folder / "wandb").glob(f"*run-*-{self._id}"))
        self._begin()
        is_there = kept if self._mode == "offline" else bool(self._live.resumed)
        return since + 1 if is_there else 0

    def rewind(self, step: int) -> int:
        self._live.finish(exit_code=1)
        self._generation += 1
        self._begin()
        return 0

    def metrics(self, numbers: Numbers) -> None:
        self._live.log({_STEP: numbers.step, "_timestamp": numbers.time, **numbers.values})

    def table(self, step: int, time: float, table: Table) -> None:
        rows = [list(row) for row in table.rows]
        shown = wandb.Table(columns=list(table.columns), data=rows)
        self._live.log({_STEP: step, "_timestamp": time, table.name: shown})

    def flush(self) -> None:
        """Look for a full disk: W&B's process writes in the background, and tells nobody."""
        if has_no_space(self._folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))

    def close(self, condition: RunCondition | None) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            is_failure = condition in (RunCondition.FAILED, RunCondition.CRASHED)
            live.finish(exit_code=int(is_failure))
            wandb.teardown()  # waits until W&B's process has written its files

    @property
    def _id(self) -> str:
        return f"{self._run.key}-{self._generation}"

    def _begin(self) -> None:
        again = f" ({self._generation + 1})" if self._generation else ""
        self._live = wandb.init(
            entity=self._entity,
            project=self._project,
            id=self._id,
            name=self._run.name + again,
            group=self._run.name if self._generation else None,
            resume="allow",
            settings=_settings(self._folder, self._mode),
        )
        self._live.config.update(self._config, allow_val_change=True)
        self._live.define_metric(_STEP, hidden=True)
        self._live.define_metric("*", step_metric=_STEP)
        files = shlex.quote(str(self._folder / "wandb"))
        self.hint = f"wandb sync {files}/offline-run-*-{self._id}" if self._mode == "offline" else str(self._live.url)


def _settings(folder: Path, mode: str) -> wandb.Settings:
    """Return settings that send the run alone: nothing of this process, its machine, its output or its repository."""
    return wandb.Settings(
        mode="offline" if mode == "offline" else "online",
        root_dir=str(folder),
        silent=True,
        console="off",
        disable_code=True,
        disable_git=True,
        save_code=False,
        x_disable_machine_info=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )


def open_tracker(target: str, project: str) -> WandB:
    """Return a writer with its files below the folder `target`, by default $WANDB_DIR, or in the user's data.

    project: "entity/project" or "project". Raises EnvironmentError_ without a key for W&B's server.
    """
    mode = os.environ.get("WANDB_MODE") or "online"
    os.environ["WANDB_SILENT"] = "true"
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    if mode not in ("online", "offline"):
        raise EnvironmentError_(f"WANDB_MODE={mode} sends nothing", "set it to online or offline")
    if mode == "online" and not wandb.login(prompt=False, verify=False):
        remedy = "`wandb login`, or WANDB_MODE=offline for files that `wandb sync` sends later"
        raise EnvironmentError_("W&B's server asks for a key, and none is here", remedy)
    folder = Path(target or os.environ.get("WANDB_DIR") or home() / "tracking" / "wandb").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    entity, _, name = (project or PROJECT).rpartition("/")
    return WandB(folder, entity or None, name, mode)
