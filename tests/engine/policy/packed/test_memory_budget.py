"""Exhausted memory in an update: micro-batches are halved once, the step restarts, its numbers stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest
import torch

from engine.errors import RunError
from engine.policy import Policy, TrainSample, update
from engine.policy.packed.batching import MicroBatch
from engine.policy.packed.logprobs import TokenScores, score_tokens
from engine.policy.packed.memory_budget import MicroBatchBudget

MakePolicy = Callable[..., Policy]
MakeSamples = Callable[..., list[TrainSample]]
FAULT = "CUDA out of memory. Tried to allocate 2.00 GiB."


def test_the_budget_is_halved_once_and_never_below_the_longest_sample() -> None:
    budget = MicroBatchBudget(8000)
    note = budget.halve(longest=5000, fault=FAULT)
    assert budget.tokens == 5000
    assert note == (
        "the GPU ran out of memory in an update: continuing with 5,000 tokens per micro-batch instead of 8,000"
    )
    with pytest.raises(RunError, match="is too small for an update with 5,000 tokens per micro-batch") as caught:
        budget.halve(longest=100, fault=FAULT)
    assert FAULT in caught.value.message
    assert "policy.micro_batch_tokens" in caught.value.remedy
    with pytest.raises(RunError, match="a longest sample of 8,000"):
        MicroBatchBudget(8000).halve(longest=8000, fault=FAULT)


class Scarcity:
    """Scorer that runs out of memory after `calls` passes of a kind, once for each entry."""

    def __init__(self, calls: Iterator[int], trained: bool) -> None:
        self._calls, self._trained, self._seen = calls, trained, 0
        self._next = next(calls, -1)

    def __call__(self, model: object, batch: MicroBatch, temperature: float = 1.0) -> TokenScores:
        if torch.is_grad_enabled() is self._trained:
            self._seen += 1
            if self._seen == self._next:
                self._next = next(self._calls, -1)
                raise torch.OutOfMemoryError(f"{FAULT}\nGPU 0 has a total capacity of 24 GiB.")
        return score_tokens(model, batch, temperature)  # type: ignore[arg-type]


@pytest.mark.parametrize("trained", [True, False], ids=["trained pass", "reference pass"])
def test_an_update_begins_anew_with_half_the_tokens_and_ends_with_the_same_numbers(
    trained: bool, make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy, twin = make_policy(micro_batch_tokens=80), make_policy(micro_batch_tokens=40)
    samples = make_samples(policy)
    with patch.object(update, "score_tokens", Scarcity(iter([2]), trained)):
        report = policy.update(samples)
    expected = twin.update(samples)
    assert len(report.notes) == 1
    assert "continuing with 40 tokens per micro-batch instead of 80" in report.notes[0]
    assert (report.loss, report.grad_norm, report.tokens) == (expected.loss, expected.grad_norm, expected.tokens)
    for ours, theirs in zip(policy.model.parameters(), twin.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert policy.update(samples).notes == ()  # said once, and the budget stays


def test_memory_that_runs_out_again_ends_the_update_and_changes_nothing(
    make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy = make_policy(micro_batch_tokens=80)
    samples = make_samples(policy)
    before = [p.detach().clone() for p in policy.model.parameters()]
    with (
        patch.object(update, "score_tokens", Scarcity(iter([1, 2]), trained=True)),
        pytest.raises(RunError, match="is too small for an update with 40 tokens per micro-batch") as caught,
    ):
        policy.update(samples)
    assert "then resume the run" in caught.value.remedy
    assert "\n" not in str(caught.value)
    assert all(torch.equal(old, new) for old, new in zip(before, policy.model.parameters(), strict=True))
    assert all(p.grad is None for p in policy.model.parameters())


def test_scoring_alone_is_halved_too_and_told_by_the_next_update(
    make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy = make_policy(micro_batch_tokens=80)
    samples = make_samples(policy)
    expected = policy.logprobs(samples)
    with patch.object(update, "score_tokens", Scarcity(iter([1]), trained=False)):
        found = policy.logprobs(samples)
    for row, other in zip(found, expected, strict=True):
        assert row == pytest.approx(other, abs=1e-5)
    assert len(policy.update(samples).notes) == 1
