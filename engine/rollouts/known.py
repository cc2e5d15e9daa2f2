"""Answers that are known before a batch of rollouts is sampled, and that are kept as they arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from engine.prompts import Role
from engine.sampling import Completion, SamplingParams


@dataclass(frozen=True, slots=True)
class Group:
    """Group of `count` answers of one role to one task, and all that they depend on besides the weights."""

    task: str
    role: Role
    prompt_ids: tuple[int, ...]
    count: int
    params: SamplingParams
    seed: int


class Known(Protocol):
    """Store of answers by their groups."""

    def of(self, group: Group) -> Mapping[int, Completion]:
        """Return the known answers of a group, by index; they are not sampled again."""

    def keep(self, group: Group, completion: Completion) -> None:
        """Keep an answer that has been sampled, before it is judged."""


class NothingKnown:
    """Store of nothing: every answer is sampled."""

    def of(self, group: Group) -> Mapping[int, Completion]:
        return {}

    def keep(self, group: Group, completion: Completion) -> None:
        pass
