"""Weights of the training tasks: those that are rarely solved are drawn more often (`data.curriculum`).

A task that every program solves gives the coder no gradient, and one whose tests are all right gives the tester none.
A step spent on a task that is solved one time in four teaches both. What a run knows of a task are the shares that its
own draws gave, so the weights follow the policy; a checkpoint holds them, and a resumed run draws the same tasks.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.config.schema import Curriculum
from engine.evaluation.reading import read_strictly
from engine.reward.trust import trust
from engine.runs.checkpoints import Checkpoint
from engine.runs.faults import damaged, run_faults
from engine.runs.files import read_file
from engine.train.scoring import ScoredTask

TASKS = "tasks.json"
"""File of a checkpoint with the shares of every task drawn so far."""
_TASKS_BYTES, _MOST_VALUES = 128 << 20, 5_000_000  # a million tasks
_Rows = dict[str, tuple[float, float | None, int, int]]

NEWEST = 0.5
"""Weight of a task's newest draw in its shares: older draws were another policy's."""
FLOOR = 0.1
"""Weight of a task that is always solved: what was learnt is looked at again now and then."""
REST_STEPS = 4
"""Steps before a task may come again, where there are others: its last answers have taught what they could."""


@dataclass(frozen=True, slots=True)
class TaskShares:
    """Shares of a task's right programs and right tests, newer draws counting more.

    tests: None until a draw had a right program, which alone can judge tests. unsolved: draws in a row without one.
    step: of the last draw.
    """

    code: float
    tests: float | None
    unsolved: int
    step: int

    def __post_init__(self) -> None:
        """Raise ValueError for shares that no draw gives: they may come from others' files."""
        shares = (self.code,) if self.tests is None else (self.code, self.tests)
        if not all(0.0 <= share <= 1.0 for share in shares) or self.unsolved < 0 or self.step < 1:
            raise ValueError("shares that no task has")

    def weight(self, curriculum: Curriculum) -> float:
        """Return the weight, in [FLOOR, 1 + FLOOR]. A task never solved loses half with every further draw in vain."""
        tests = self.code if self.tests is None else self.tests
        solved = self.code if curriculum == "code" else (self.code + tests) / 2
        return FLOOR + (1.0 - solved) * 0.5 ** max(0, self.unsolved - 1)


@dataclass(frozen=True)
class TaskWeights:
    """Shares of the tasks drawn so far, by id, and the weights that follow from them. Immutable."""

    curriculum: Curriculum
    shares: Mapping[str, TaskShares] = field(default_factory=dict)

    def after_step(self, step: int, tasks: Iterable[ScoredTask]) -> TaskWeights:
        """Return the weights after step `step` (1-based), whose scored tasks are `tasks`."""
        if self.curriculum == "none":
            return self
        shares = dict(self.shares)
        for task in tasks:
            name, matrix = task.rollouts.problem.id, task.rollouts.matrix
            shares[name] = _updated(shares.get(name), step, float(matrix.correct_n.mean()), trust(matrix).p_u)
        return replace(self, shares=shares)

    def of(self, names: Sequence[str], step: int) -> list[float]:
        """Return the weight of each task in step `step`: 0.0 for those that rest, the largest for those never drawn."""
        weights = []
        for name in names:
            known = self.shares.get(name)
            rests = known is not None and step - known.step <= REST_STEPS
            weights.append(0.0 if rests else 1.0 + FLOOR if known is None else known.weight(self.curriculum))
        return weights

    def save(self, folder: Path) -> None:
        """Write the shares into the folder of a checkpoint; nothing without a curriculum."""
        if self.curriculum != "none":
            rows = {name: [each.code, each.tests, each.unsolved, each.step] for name, each in self.shares.items()}
            (folder / TASKS).write_text(json.dumps(rows))


def read_weights(saved: Checkpoint, curriculum: Curriculum) -> TaskWeights:
    """Read the weights in a checkpoint, those of a new run where it has none. Raises RunError if they are damaged."""
    if curriculum == "none" or not (saved.path / TASKS).exists():
        return TaskWeights(curriculum)
    run, name = saved.path.parents[1], f"checkpoints/{saved.path.name}/{TASKS}"
    try:
        with run_faults(run):
            rows = read_strictly(_Rows, read_file(run, name, _TASKS_BYTES), _MOST_VALUES)
        shares = {task: TaskShares(*row) for task, row in rows.items()}
    except ValueError as error:
        raise damaged(run, f"{name} holds no tasks: {error}") from error
    return TaskWeights(curriculum, shares)


def draw_weighted(
    weights: Sequence[float], count: int, seed: int, step: int, left_out: Collection[int] = ()
) -> tuple[int, ...]:
    """Draw `count` different indices, each with a chance in proportion to its weight among those not yet drawn.

    Exponential keys (Efraimidis and Spirakis, 2006): log(u) / weight, the largest first. Indices of weight 0 come after
    all others, those of `left_out` never; so there may be fewer than `count`. Depends on the arguments alone.
    """
    generator = random.Random(f"{seed}/{step}")  # random() alone is promised to stay the same in later versions
    keys = []
    for index, weight in enumerate(weights):
        log = math.log(1.0 - generator.random())
        if index not in left_out:
            keys.append((weight > 0.0, log / weight if weight > 0.0 else log, index))
    return tuple(index for _, _, index in sorted(keys, reverse=True)[:count])


def _updated(known: TaskShares | None, step: int, code: float, tests: float | None) -> TaskShares:
    if known is None:
        return TaskShares(code, tests, unsolved=int(code == 0.0), step=step)
    return TaskShares(
        code=known.code + NEWEST * (code - known.code),
        tests=known.tests if tests is None else _mixed(known.tests, tests),
        unsolved=known.unsolved + 1 if code == 0.0 else 0,
        step=step,
    )


def _mixed(old: float | None, new: float) -> float:
    return new if old is None else old + NEWEST * (new - old)
