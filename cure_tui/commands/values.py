"""Checks of option values that a type and a range leave open."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

_FOR_SHELLS = re.compile(r"[\w.+@%:,/][\w.+@%:,/-]*", re.ASCII)


def completable(names: Iterable[str]) -> list[str]:
    """Return the names that are safe to complete: a shell runs `$(...)` in the name of a run that others have made."""
    return [name for name in names if _FOR_SHELLS.fullmatch(name)]


def finite(value: float | None) -> float | None:
    """Return the number. Raises BadParameter for inf and nan, which a range accepts."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a finite number.")
    return value


def folder(value: str) -> Path:
    """Return the path. Raises BadParameter for an empty one, which would name the current folder."""
    if not value:
        raise typer.BadParameter("the name of the folder is empty.")
    return Path(value)


Yes = Annotated[bool, typer.Option("--yes", "-y", help="Open a run that is not your own, or was imported, unasked.")]
