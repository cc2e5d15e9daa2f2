"""Figures of strategies over the tasks of a report: accuracy against tokens, and paired differences to best of n."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluation.bootstrap import estimates
from engine.evaluation.comparison import size_order
from engine.evaluation.report import Choice, TaskRow
from engine.evaluation.summary import Estimate

BASE = "bon"
"""Strategy that the others are compared with at the same size."""
_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Point:
    """Strategy at one size, means over tasks. difference: to BASE, paired by task; None for BASE itself.

    answers, tokens of answers and of prompts: of a task.
    """

    way: str
    size: str
    accuracy: Estimate
    difference: Estimate | None
    answers: float
    tokens: float
    prompt_tokens: float


def points(rows: Sequence[TaskRow], seed: int = 0) -> list[Point]:
    """Return the points of all strategies that the rows have, in the order asked for, from small to large sizes.

    A task without a judged choice is left out of that point, and of its difference. Deterministic in rows and `seed`.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.ways))
    sizes = {name: sorted({size for row in rows for size in row.ways.get(name, {})}, key=size_order) for name in names}
    keys = [(name, size) for name in names for size in sizes[name]]
    if not keys:
        return []
    right = {key: _values(rows, *key) for key in keys}
    nothing = np.full(len(rows), math.nan)
    deltas = {key: right[key] - right.get((BASE, key[1]), nothing) for key in keys}
    clusters = [row.cluster for row in rows]
    values = np.array([*right.values(), *deltas.values()])
    shares = [True] * len(right) + [False] * len(deltas)
    found = estimates(values, clusters=clusters, shares_k=shares, seed=seed, resamples=_RESAMPLES)
    return [
        Point(name, size, accuracy, None if name == BASE else difference, *_cost(rows, name, size))
        for (name, size), accuracy, difference in zip(keys, found, found[len(keys) :], strict=False)
    ]


def _choices(rows: Sequence[TaskRow], name: str, size: str) -> list[Choice | None]:
    return [row.ways.get(name, {}).get(size) for row in rows]


def _values(rows: Sequence[TaskRow], name: str, size: str) -> np.ndarray:
    found = _choices(rows, name, size)
    return np.array([math.nan if each is None or each.right is None else each.right for each in found])


def _cost(rows: Sequence[TaskRow], name: str, size: str) -> tuple[float, float, float]:
    known = [each for each in _choices(rows, name, size) if each is not None]
    costs = np.array([(each.answers, each.tokens, each.prompt_tokens) for each in known]).mean(axis=0)
    return float(costs[0]), float(costs[1]), float(costs[2])
