"""Splits that stay the same however a file is ordered: a task's place depends on its id and the seed alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from engine.errors import DataError
from engine.problems import Problem


def cut(problems: Sequence[Problem], count: int, seed: int = 0) -> tuple[list[Problem], list[Problem]]:
    """Return the tasks without `count` of them, and these, both in file order. Raises DataError if none would be left.

    A task that is added or removed moves at most one other from one part to the other.
    """
    if not 0 < count < len(problems):
        remedy = "take fewer"
        raise DataError(f"{count} tasks cannot be cut from {len(problems)}", remedy)
    chosen = frozenset(sorted((problem.id for problem in problems), key=lambda name: _draw(name, seed))[:count])
    rest = [problem for problem in problems if problem.id not in chosen]
    return rest, [problem for problem in problems if problem.id in chosen]


def _draw(name: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
