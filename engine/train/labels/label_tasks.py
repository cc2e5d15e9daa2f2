"""Tasks of a run without hidden labels: their order, and how many of them it uses."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config import RunConfig
from engine.config.label_free import MOST_UNANCHORED, spacing, tasks_needed, tasks_wanted
from engine.errors import DataError
from engine.problems import Problem, draw_batch


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
