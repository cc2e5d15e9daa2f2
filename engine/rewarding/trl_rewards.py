"""Reward function for TRL's GRPOTrainer: coder and tester learn from executing each other's answers.

TRL calls a reward function with the prompts and completions of a batch and every other column of the data set. The
columns `task` and `role` of `rows` say what a prompt asks for. README.md has a whole script.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.errors import DataError
from engine.problems import Problem
from engine.rewarding.rewarder import Rewarder
from engine.rewarding.rows import AnswerRow, prompts_of, reward_rows, role_of, text_of


class TrlRewards:
    """Member of `reward_funcs`. Both roles of a task must be in one batch: keep the order of `rows` (no shuffling).

    in_thought: the chat template ends prompts within an open thought.
    """

    __name__ = "cure"
    """Name of the reward in TRL's logs."""

    def __init__(self, rewarder: Rewarder, problems: Sequence[Problem], *, in_thought: bool = False) -> None:
        self._rewarder, self._problems = rewarder, {problem.id: problem for problem in problems}
        self._in_thought = in_thought
        if len(self._problems) < len(problems):
            raise DataError("two tasks have the same id", "rename one, or leave it out")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Rows of the data set, two for each task: prompt (chat messages), task, role."""
        return [
            {"prompt": messages, "task": problem.id, "role": role.value}
            for problem, role, messages in prompts_of(list(self._problems.values()), self._rewarder)
        ]

    def __call__(
        self,
        completions: Sequence[Any],
        task: Sequence[str] | None = None,
        role: Sequence[str] | None = None,
        **columns: Any,
    ) -> list[float]:
        """Return a reward for each completion, R_s or R_u by its role. Raises DataError."""
        if task is None or role is None:
            raise DataError("the data set lacks the columns task and role", "build it from the `rows` of this object")
        rows = [
            AnswerRow(self._problem(name), role_of(each), text_of(completion))
            for completion, name, each in zip(completions, task, role, strict=True)
        ]
        return reward_rows(self._rewarder, rows, in_thought=self._in_thought)

    def _problem(self, name: str) -> Problem:
        try:
            return self._problems[name]
        except KeyError:
            raise DataError(f"no task is called {name!r}", "build the data set from the same tasks") from None
