"""Location of the user's data and settings on this machine, and names for new runs."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from platformdirs import user_config_dir, user_data_dir

from engine.errors import ConfigError

HOME_VARIABLE = "CURE_TUI_HOME"
SETTINGS_VARIABLE = "CURE_TUI_CONFIG"
EVALUATION_REQUEST = "evaluation.json"
"""File that an evaluation's folder has and a run's has not."""
_ID_CHARACTERS = 100
_OWN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")
_NOT_IN_IDS = re.compile(r"[^a-z0-9.]+")


def home() -> Path:
    """Return the folder of user data: `CURE_TUI_HOME`, or the platform's default."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else Path(user_data_dir("cure-tui", appauthor=False))


def settings_home() -> Path:
    """Return the folder of the user's settings: `CURE_TUI_CONFIG`, or the platform's default."""
    chosen = os.environ.get(SETTINGS_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path(user_config_dir("cure-tui", appauthor=False))


def runs_home() -> Path:
    """Return the folder whose subfolders are runs; it need not exist yet."""
    return home() / "runs"


def evaluations_home() -> Path:
    """Return the folder whose subfolders are evaluations; it need not exist yet."""
    return home() / "evaluations"


def new_run_id(preset: str, now: datetime | None = None) -> str:
    """Return a new id such as `nano-20261123-1412-a3f`: preset, local time, three random hex digits.

    Ids of one preset sort by the time of their start. `preset` may be a path to a preset file: its stem is used.
    """
    stem = Path(preset).stem if preset.endswith(".toml") else preset
    return f"{cleaned_id(stem)}-{now or datetime.now():%Y%m%d-%H%M}-{os.urandom(2).hex()[:3]}"


def cleaned_id(name: str) -> str:
    """Return `name` with nothing but a-z, 0-9, dot and hyphen: no shell, terminal or file system misreads it."""
    return _NOT_IN_IDS.sub("-", name.lower())[:_ID_CHARACTERS].strip("-.") or "run"


def new_run_path(preset: str) -> Path:
    """Return an unused path for a new run in `runs_home()`, without creating the folder."""
    # Three random digits may repeat within a minute.
    while (path := runs_home() / new_run_id(preset)).exists():
        pass
    return path


def named_run_path(name: str) -> Path:
    """Return the path of a new run of that name. Raises ConfigError: it is no name, or the name is taken."""
    check_new_name(name, runs_home(), f"resume that run with `cure-tui resume {name}`")
    return runs_home() / name


def check_new_name(name: str, place: Path, go_on: str) -> None:
    """Raise ConfigError for what is no name of a new folder in `place`, or one that is taken.

    go_on: what to do instead with the one of that name, for the remedy.
    """
    if not _OWN_NAME.fullmatch(name):
        raise ConfigError(f"--name {name!r} is no name", "use letters, digits, '.', '_' and '-', at most 80")
    if os.path.lexists(place / name / "version"):
        raise ConfigError(f"the name {name} is taken", f"{go_on}, or choose another")


def run_name(run_dir: Path) -> str:
    """Return the name of a run on the command line: its id if it is in `runs_home()`, else its path."""
    absolute = run_dir.absolute()
    return absolute.name if absolute.parent == runs_home() else str(absolute)
