"""Time limit of a run that its start evaluation uses up: what the user is told, instead of a result of "+0.0"."""

from __future__ import annotations


class StartTooLong(Exception):
    """End of a run whose time limit passed before its start evaluation was over; what was sampled is kept."""

    def __init__(self, minutes: float, tasks_done: int, tasks: int) -> None:
        super().__init__(
            f"the start evaluation has used up all {minutes:g} minutes at task {tasks_done} of {tasks}; its answers "
            "are kept: resume with more --minutes, or start anew with fewer evaluation.heldout_tasks"
        )


def nothing_trained(seconds: float, minutes: float) -> str:
    """Say that evaluations leave no time for a step: `seconds` went into the first, of a limit of `minutes`."""
    return (
        f"nothing was trained: the start evaluation took {seconds / 60:.1f} of {minutes:g} min, and the last one takes "
        "as long; raise run.max_minutes or lower evaluation.heldout_tasks and validation_tasks"
    )
