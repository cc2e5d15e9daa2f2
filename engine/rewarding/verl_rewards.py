"""Reward functions for verl, in both of its shapes, after its documentation; verl itself is not among our tests.

    compute_score(data_source, solution_str, ground_truth, extra_info)        one answer: reward manager `naive`
    compute_score(data_sources, solution_strs, ground_truths, extra_infos)    a batch: reward manager `batch`

A test is worth what it does to the programs of its task, so the tester's rewards need a batch; the first shape rewards
programs alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from engine.errors import ConfigError, DataError
from engine.problems import Problem, parse_cure_record, to_cure_record
from engine.prompts import Role
from engine.rewarding.rewarder import Rewarder
from engine.rewarding.rows import AnswerRow, prompts_of, reward_rows, role_of, text_of

DATA_SOURCE = "cure"


class VerlRewards:
    """Reward functions of one rewarder. in_thought: the chat template ends prompts within an open thought."""

    def __init__(self, rewarder: Rewarder, *, in_thought: bool = False) -> None:
        self._rewarder, self._in_thought = rewarder, in_thought

    def rows(self, problems: Sequence[Problem]) -> list[dict[str, Any]]:
        """Return rows for verl's parquet files, two for each task; the ground truth is the task as CURE JSON."""
        return [
            {
                "data_source": DATA_SOURCE,
                "prompt": messages,
                "ability": "code",
                "reward_model": {"style": "rule", "ground_truth": json.dumps(to_cure_record(problem))},
                "extra_info": {"role": role.value, "index": index},
            }
            for index, (problem, role, messages) in enumerate(prompts_of(problems, self._rewarder))
        ]

    def compute_score(
        self,
        data_source: str,
        solution_str: str,
        ground_truth: str,
        extra_info: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> float:
        """Return R_s of one program. Raises ConfigError for a tester's answer, DataError for a foreign row."""
        row = _row(solution_str, ground_truth, extra_info)
        if row.role is Role.TESTER:
            raise ConfigError(
                "a test is judged by the programs of its task, and this reward function sees one answer at a time",
                "choose the reward manager `batch` and compute_scores, or leave the tester's rows out",
            )
        return reward_rows(self._rewarder, [row], in_thought=self._in_thought)[0]

    def compute_scores(
        self,
        data_sources: Sequence[str],
        solution_strs: Sequence[str],
        ground_truths: Sequence[str],
        extra_infos: Sequence[Mapping[str, Any] | None],
        **settings: Any,
    ) -> list[float]:
        """Return a reward for each answer of a batch, R_s or R_u by its role. Raises DataError."""
        rows = [_row(*each) for each in zip(solution_strs, ground_truths, extra_infos, strict=True)]
        return reward_rows(self._rewarder, rows, in_thought=self._in_thought)


def _row(solution: str, ground_truth: str, extra_info: Mapping[str, Any] | None) -> AnswerRow:
    return AnswerRow(_problem(str(ground_truth)), role_of((extra_info or {}).get("role")), text_of(solution))


@lru_cache(maxsize=1024)
def _problem(ground_truth: str) -> Problem:
    """Read the task of a row, once for all answers to it."""
    try:
        record = json.loads(ground_truth)
    except (ValueError, RecursionError):
        remedy = "write the rows by `VerlRewards.rows`"
        raise DataError("the ground truth of a row is no task in CURE JSON", remedy) from None
    return parse_cure_record(record, "ground truth")
