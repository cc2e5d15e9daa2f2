"""Disjoint splits, and the order of a run's tasks, which a resumed run reproduces."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from engine.errors import DataError
from engine.problems.problem import Problem


def assert_disjoint(splits: Mapping[str, Sequence[Problem]]) -> None:
    """Raise DataError if two splits share a task id or a statement (compared with white space collapsed).

    One split may contain a statement twice: that changes its weight but leaks nothing.
    """
    owner_of_id: dict[str, str] = {}
    owner_of_statement: dict[str, tuple[str, str]] = {}
    for name, problems in splits.items():
        for problem in problems:
            owner = owner_of_id.setdefault(problem.id, name)
            if owner != name:
                message = f"splits {owner!r} and {name!r} share the task {problem.id!r}"
                raise DataError(message, "each task belongs to one split; drop it from the other")
            words = " ".join(problem.statement.split())
            owner, twin = owner_of_statement.setdefault(words, (name, problem.id))
            if owner != name:
                twins = f"{twin!r} and {problem.id!r} read the same"
                message = f"splits {owner!r} and {name!r} share a statement: {twins}"
                raise DataError(message, "each task belongs to one split; drop one of the two")


def draw_batch(n_problems: int, batch_size: int, step: int, seed: int) -> tuple[int, ...]:
    """Draw the problem indices of step `step` (from 0): shuffled passes over the data, without replacement.

    The concatenated batches are one permutation of range(n_problems) after another. So a batch may end one pass and
    begin the next; it still contains no problem twice, unless batch_size > n_problems makes that inevitable. The result
    depends on the arguments alone: there is no position to save, and a resumed run draws the same batches. Raises
    DataError without problems, ValueError for batch_size < 1 or step < 0.
    """
    if n_problems < 1:
        raise DataError("there is no problem to draw from", "give a split with at least one task")
    if batch_size < 1 or step < 0:
        raise ValueError(f"batch_size must be >= 1 and step >= 0, got {batch_size} and {step}")
    start = step * batch_size
    end = start + batch_size
    first_epoch, last_epoch = start // n_problems, (end - 1) // n_problems
    # A pass depends on the end of the previous one only where a batch straddles both. Every `period` passes the
    # boundary falls between two batches, so the chain starts there: at most batch_size passes, not all since step 0.
    period = batch_size // math.gcd(batch_size, n_problems)
    chain_start = first_epoch - first_epoch % period
    drawn: list[int] = []
    previous: list[int] = []
    for epoch in range(chain_start, last_epoch + 1):
        already_in_batch = (epoch * n_problems) % batch_size if batch_size <= n_problems else 0
        held = previous[n_problems - already_in_batch :] if already_in_batch else []
        previous = _pass(n_problems, seed, epoch, held, batch_size - already_in_batch)
        if epoch >= first_epoch:
            drawn += previous
    offset = start - first_epoch * n_problems
    return tuple(drawn[offset : offset + batch_size])


def _pass(n_problems: int, seed: int, epoch: int, held: Sequence[int], n_rest: int) -> list[int]:
    """Draw the permutation of one epoch; its first `n_rest` entries avoid `held`, already in their batch."""
    # random() is the only draw that Python promises to keep the same in later versions for a given seed; shuffle() may
    # change.
    generator = random.Random(f"{seed}/{epoch}")
    keys = [generator.random() for _ in range(n_problems)]
    order = sorted(range(n_problems), key=keys.__getitem__)
    if not held:
        return order
    refused = frozenset(held)
    head = [index for index in order if index not in refused][:n_rest]
    chosen = frozenset(head)
    return head + [index for index in order if index not in chosen]
