"""Draw of a step's tasks: equal passes over the data, or by weight (`data.curriculum`); the same after a resume."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean

from engine.problems import Problem, draw_batch
from engine.seeds import derive_seed
from engine.train.task_weights import TaskWeights, draw_weighted


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
