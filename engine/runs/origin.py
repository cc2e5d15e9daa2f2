"""Origin of a run folder: made by this user, by another one, or imported from a file and never opened since."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from engine.runs.faults import run_faults
from engine.runs.files import inside, remove_file

IMPORTED = "imported"
"""Empty file in a run folder that was imported; it goes when the user has agreed to open the run."""


def foreign_origin(run_dir: Path) -> str:
    """Say in words why a run is not this user's own; "" for one's own. Raises RunError if it cannot be read."""
    with run_faults(run_dir):
        for name in ("", "config.toml", "checkpoints"):
            owner = _owner(run_dir, name)
            if owner is not None and owner != os.geteuid():
                return f"belongs to {_user(owner)}, not to you"
        if _owner(run_dir, IMPORTED) is not None:
            return "was imported and has not been opened yet"
    return ""


def accept(run_dir: Path) -> None:
    """Remember that the user trusts an imported run. A run of another user is asked about each time."""
    with run_faults(run_dir):
        if _owner(run_dir, IMPORTED) == os.geteuid():
            remove_file(run_dir, IMPORTED)


def _owner(run_dir: Path, name: str) -> int | None:
    if not name:
        return run_dir.stat().st_uid
    try:
        with inside(run_dir, name) as (folder, last):
            return os.stat(last, dir_fd=folder, follow_symlinks=False).st_uid
    except FileNotFoundError:
        return None


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name!r}"
    except KeyError:
        return f"user {uid}"
