"""Where runs live on this machine, and what a new one is called."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from platformdirs import user_data_dir

HOME_VARIABLE = "CURE_TUI_HOME"
_NOT_IN_IDS = re.compile(r"[^a-z0-9.]+")


def home() -> Path:
    """The project's folder of user data: the platform's own, unless `CURE_TUI_HOME` names another."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else Path(user_data_dir("cure-tui", appauthor=False))


def runs_home() -> Path:
    """The folder whose subfolders are runs; it need not exist yet."""
    return home() / "runs"


def new_run_id(preset: str, now: datetime | None = None) -> str:
    """An id such as `nano-20261123-1412-a3f`: preset, local time, three random hex digits.

    Ids of one preset sort by their start. `preset` may be a path to a preset file: its stem is used.
    """
    stem = Path(preset).stem if preset.endswith(".toml") else preset
    name = _NOT_IN_IDS.sub("-", stem.lower()).strip("-.") or "run"
    return f"{name}-{now or datetime.now():%Y%m%d-%H%M}-{os.urandom(2).hex()[:3]}"


def new_run_path(preset: str) -> Path:
    """A path for a new run in `runs_home()` that no run has taken; the folder is not made."""
    while (path := runs_home() / new_run_id(preset)).exists():
        pass
    return path


def run_name(run_dir: Path) -> str:
    """What a user types to mean this run: its id where it lives in `runs_home()`, else its path."""
    absolute = run_dir.absolute()
    return absolute.name if absolute.parent == runs_home() else str(absolute)
