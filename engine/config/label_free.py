"""Limits of a run whose labels are not the tasks' hidden tests: how many tasks it draws, and how far apart.

Rewards from a model's own agreement sharpen the start distribution, and a task that comes again soon is sharpened
twice. Published runs on up to 128 tasks did not collapse, those on 512 did; with anchors a collapse is seen and ends
the run, so any number is allowed.
"""

from __future__ import annotations

from engine.config.schema import RunConfig

MOST_UNANCHORED = 128
"""Tasks of a run without anchors, at most."""
FEWEST_ANCHORS = 10
_STEPS_APART = 5
"""No task is drawn again within the 4 steps after it."""


def spacing(config: RunConfig) -> int:
    """Return the number of steps after which a task may come again at the earliest; fewer in a shorter run."""
    return max(1, min(_STEPS_APART, config.run.steps))


def tasks_needed(config: RunConfig) -> int:
    """Return the number of tasks without which one would come again too soon, refills included."""
    return spacing(config) * config.rollout.tasks_per_step * (config.reward.refill_rounds + 1)


def tasks_wanted(config: RunConfig, available: int) -> int:
    """Return the number of tasks that the run can use of those available: one of its own for every place of a batch."""
    wanted = max(tasks_needed(config), config.run.steps * config.rollout.tasks_per_step)
    return min(available, wanted, available if config.reward.anchors else MOST_UNANCHORED)
