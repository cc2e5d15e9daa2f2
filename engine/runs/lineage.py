"""Lineage of runs: a run may start from the adapter that another one has trained.

config.toml    start = "RUN@STEP", the origin; empty for a run that starts from the base model
start/         copy of the origin's checkpoint, until the run's own checkpoint of step 0 is written
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from engine.errors import RunError
from engine.machine.home import runs_home
from engine.machine.toml_reading import parse_toml
from engine.runs.checkpoints import Checkpoint
from engine.runs.faults import run_faults
from engine.runs.files import make_folder, read_file

START = "start"
_STEP = re.compile(r"(?P<name>.+)@(?P<step>\d{1,12}|best|last)", re.ASCII)
_CONFIG_BYTES = 1 << 20
_MOST_ANCESTORS = 20


def split_step(text: str) -> tuple[str, str]:
    """Split "RUN@12" into ("RUN", "12"), also with "best" and "last"; the second is "" where no step is named."""
    found = _STEP.fullmatch(text)
    return (found["name"], found["step"]) if found else (text, "")


def copy_start(run_dir: Path, origin: Checkpoint) -> None:
    """Copy the checkpoint that a new run starts from into its folder. Raises RunError: disk full, not writable."""
    with run_faults(run_dir):
        make_folder(run_dir, START)
        shutil.copytree(origin.path, run_dir / START / origin.path.name)


def drop_start(run_dir: Path) -> None:
    """Remove the copy: a checkpoint of the run's own holds the adapter now."""
    shutil.rmtree(run_dir / START, ignore_errors=True)


def ancestors(run_dir: Path) -> list[str]:
    """Return the origin of a run, its origin's origin and so on, as "RUN@STEP"; as far as the runs are still there."""
    found: list[str] = []
    while len(found) < _MOST_ANCESTORS and (origin := _origin(run_dir)) and origin not in found:
        found.append(origin)
        name, _ = split_step(origin)
        run_dir = runs_home() / name  # a path stays as it is
    return found


def _origin(run_dir: Path) -> str:
    try:
        with run_faults(run_dir):
            start = parse_toml(read_file(run_dir, "config.toml", _CONFIG_BYTES).decode()).get("start", "")
    except (RunError, OSError, ValueError, RecursionError):
        return ""
    return start if isinstance(start, str) else ""
