"""Tasks of two evaluations side by side: which got worse, which still fail, counted from the archived answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.runs.archive_reader import RightAnswers

CODER, TESTER = "coder", "tester"


@dataclass(frozen=True, slots=True)
class TaskChange:
    """One task: its right answers by role in the first and in the last evaluation, equal where there is one."""

    task: str
    first: Mapping[str, RightAnswers]
    last: Mapping[str, RightAnswers]

    @property
    def change(self) -> float:
        """Difference of the shares of correct programs; of right tests where the task has no programs."""
        role = CODER if CODER in self.last else TESTER
        return _share(self.last.get(role)) - _share(self.first.get(role))

    @property
    def is_failing(self) -> bool:
        """True if no program of the last evaluation is correct."""
        programs = self.last.get(CODER)
        return programs is not None and not programs.right


class Kind(StrEnum):
    """List of tasks, in the order in which a view offers them."""

    WORSE = "got worse"
    FAILING = "still failing"
    BETTER = "got better"
    ALL = "all tasks"


def task_changes(
    first: Mapping[str, Mapping[str, RightAnswers]], last: Mapping[str, Mapping[str, RightAnswers]]
) -> list[TaskChange]:
    """Pair the tasks of two evaluations, each as {task: {role: counts}}; a task of one alone is left out."""
    return [TaskChange(task, first[task], last[task]) for task in last if task in first]


def lists_of(changes: Sequence[TaskChange]) -> dict[Kind, list[TaskChange]]:
    """Return the lists by kind: the worst change first, failing tasks and all tasks by name."""
    by_change = sorted(changes, key=lambda each: (each.change, each.task))
    by_name = sorted(changes, key=lambda each: each.task)
    return {
        Kind.WORSE: [each for each in by_change if each.change < 0],
        Kind.FAILING: [each for each in by_name if each.is_failing],
        Kind.BETTER: [each for each in reversed(by_change) if each.change > 0],
        Kind.ALL: by_name,
    }


def _share(counts: RightAnswers | None) -> float:
    return counts.right / counts.answers if counts is not None and counts.answers else 0.0
