"""Tasks of a run without hidden labels: how many there are, and a draw in which none comes again soon."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config import RunConfig
from engine.config.label_free import MOST_UNANCHORED, spacing, tasks_needed, tasks_wanted
from engine.errors import DataError
from engine.problems import Problem, draw_batch


class SpacedTasks:
    """Draw in a fixed order, over and over: a task comes again after all others; a refill takes tasks of later steps.

    No task is drawn twice within `spacing` steps, whether by a batch or by a refill, if there are `tasks_needed`.
    """

    def __init__(self, n_tasks: int, config: RunConfig) -> None:
        self._n_tasks, self._batch = n_tasks, config.rollout.tasks_per_step
        self._apart = spacing(config)

    def draw(self, step: int, count: int, attempt: int = 0) -> tuple[int, ...]:
        start = (step - 1 + self._apart * attempt) * self._batch
        return tuple((start + place) % self._n_tasks for place in range(count))


def candidates(train: Sequence[Problem], config: RunConfig) -> list[Problem]:
    """Return all tasks in the order in which the run's seed shuffles them; the first ones are used."""
    return [train[index] for index in draw_batch(len(train), len(train), 0, config.run.seed)]


def limited(problems: Sequence[Problem], config: RunConfig) -> tuple[Problem, ...]:
    """Return the tasks that the run uses. Raises DataError if one would come again too soon."""
    needed = tasks_needed(config)
    if len(problems) < needed:
        apart = f"that none comes again within {spacing(config) - 1} steps" if spacing(config) > 1 else "for a step"
        raise DataError(
            f"labels {config.reward.labels} leave {len(problems)} tasks of {config.data.train}, and it takes {needed} "
            f"{apart}",
            "lower rollout.tasks_per_step or reward.refill_rounds, or give more tasks",
        )
    return tuple(problems[: tasks_wanted(config, len(problems))])


def unanchored_notice(used: int, available: int) -> str:
    """Say that a run without anchors leaves tasks out; "" where it uses all."""
    if used >= available or used < MOST_UNANCHORED:
        return ""
    return f"without anchors the run learns from {used} of {available} tasks: on more of them such runs collapse"
