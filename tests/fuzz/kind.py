"""Kind of input: how its cases are made, mutated and used."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of input that others may have made.

    prepare: write what all cases start from into the folder it is given. mutate: change one thing or more in a copy of
    that folder; return what was done. exercise: use it as the program does; a CureError is an answer, any other
    exception a finding. seconds: CPU time of a case at most; may_write: the names in the case's folder that `exercise`
    may write into.
    """

    prepare: Callable[[Path], None]
    mutate: Callable[[random.Random, Path], str]
    exercise: Callable[[Path], None]
    seconds: float = 5.0
    may_write: tuple[str, ...] = ("home",)


def prepare_nothing(place: Path) -> None:
    """Leave the folder empty: `mutate` writes all of a case."""
