"""Draw of a step's tasks: equal passes over the data, or by weight (`data.curriculum`); the same after a resume.

A run whose labels are not hidden tests draws each task as late again as it can: a task that comes again soon is
sharpened twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from engine.config import RunConfig
from engine.config.label_free import spacing
from engine.problems import Problem, draw_batch
from engine.seeds import derive_seed
from engine.train.task_weights import TaskWeights, draw_weighted


class Draw(Protocol):
    """Draw for one step. Results are indices into the run's tasks."""

    def batch(self, count: int) -> tuple[int, ...]: ...

    def spares(self, attempt: int, count: int, drawn: Collection[int]) -> tuple[int, ...]: ...

    def relative_weight(self, index: int) -> float | None: ...


@dataclass(frozen=True)
class TaskDraw:
    """Draw for step `step` (1-based) of a run with seed `seed`. Results are indices into `problems`."""

    problems: Sequence[Problem]
    weights: TaskWeights
    step: int
    seed: int

    def batch(self, count: int) -> tuple[int, ...]:
        """Draw the tasks of the step. Without a curriculum, and where there are fewer, in passes over the data."""
        drawn = self._weighted(count, self.seed)
        return drawn if len(drawn) == count else draw_batch(len(self.problems), count, self.step - 1, self.seed)

    def spares(self, attempt: int, count: int, drawn: Collection[int]) -> tuple[int, ...]:
        """Draw at most `count` tasks that are not in `drawn`: a task of the batch would get the same answers again."""
        seed, left_out = derive_seed(self.seed, "refill", attempt), frozenset(drawn)
        if self.weights.curriculum != "none":
            return self._weighted(count, seed, left_out)
        total = len(self.problems)
        order = draw_batch(total, min(total, count + len(left_out)), self.step - 1, seed)
        return tuple(index for index in order if index not in left_out)[:count]

    def relative_weight(self, index: int) -> float | None:
        """Return the weight of a task over the mean of all: 1.0 is its chance in equal passes. None without weights."""
        weights = self._weights()
        mean = fmean(weights) if weights else 0.0
        return weights[index] / mean if mean > 0.0 else None

    def _weighted(self, count: int, seed: int, left_out: Collection[int] = ()) -> tuple[int, ...]:
        weights = self._weights()
        return draw_weighted(weights, count, seed, self.step, left_out) if weights else ()

    def _weights(self) -> list[float]:
        if self.weights.curriculum == "none":
            return []
        return self.weights.of([problem.id for problem in self.problems], self.step)


@dataclass(frozen=True)
class SpacedDraw:
    """Draw in a fixed order, over and over: a task comes again after all others; spares are tasks of later steps.

    None is drawn twice within `apart` steps, by a batch or as a spare, if there are enough
    (`engine.config.label_free.tasks_needed`). tasks_per_step: of a whole batch.
    """

    n_tasks: int
    tasks_per_step: int
    step: int
    apart: int

    def batch(self, count: int) -> tuple[int, ...]:
        return self._from(0, count)

    def spares(self, attempt: int, count: int, drawn: Collection[int]) -> tuple[int, ...]:
        return tuple(index for index in self._from(attempt, count) if index not in drawn)

    def relative_weight(self, index: int) -> float | None:
        return None

    def _from(self, attempt: int, count: int) -> tuple[int, ...]:
        start = (self.step - 1 + self.apart * attempt) * self.tasks_per_step
        return tuple((start + place) % self.n_tasks for place in range(count))


def draw_of(problems: Sequence[Problem], weights: TaskWeights, step: int, config: RunConfig) -> Draw:
    """Return the draw of step `step` (1-based). Weights let no task come again soon either."""
    if config.reward.labels == "hidden" or weights.curriculum != "none":
        return TaskDraw(problems, weights, step, config.run.seed)
    return SpacedDraw(len(problems), config.rollout.tasks_per_step, step, spacing(config))
