"""Objective of the update against hand-worked numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from engine.policy.loss import (
    LossInputs,
    LossNumbers,
    importance_summary,
    k3_kl,
    policy_loss,
    token_weights,
)


def _inputs(
    ratio: float = 1.0, advantage: float = 1.0, importance: float = 1.0, reference: float | None = None
) -> LossInputs:
    """Build one token with the ratios policy / old policy and old policy / sampler."""
    logprobs = torch.tensor([-1.0], requires_grad=True)
    old = torch.tensor([-1.0 - math.log(ratio)])
    return LossInputs(
        logprobs_a=logprobs,
        old_logprobs_a=old,
        sampler_logprobs_a=old - math.log(importance),
        reference_logprobs_a=None if reference is None else torch.tensor([reference]),
        advantages_a=torch.tensor([advantage]),
        weights_a=torch.ones(1),
    )


def _gradient(inputs: LossInputs, numbers: LossNumbers) -> float:
    policy_loss(inputs, numbers).loss.backward()
    assert inputs.logprobs_a.grad is not None
    return float(inputs.logprobs_a.grad)


NO_KL = LossNumbers(clip_epsilon=0.2, kl_beta=0.0, importance_cap=2.0)


def test_at_ratio_one_the_gradient_is_minus_the_advantage() -> None:
    assert _gradient(_inputs(advantage=0.7), NO_KL) == pytest.approx(-0.7)


@pytest.mark.parametrize(
    ("ratio", "advantage", "clipped"),
    [(1.3, 1.0, True), (1.3, -1.0, False), (0.7, -1.0, True), (0.7, 1.0, False)],
)
def test_the_clip_takes_the_gradient_only_where_the_ratio_went_too_far_the_right_way(
    ratio: float, advantage: float, clipped: bool
) -> None:
    inputs = _inputs(ratio, advantage)
    assert bool(policy_loss(inputs, NO_KL).clipped_a) is clipped
    assert _gradient(inputs, NO_KL) == pytest.approx(0.0 if clipped else -ratio * advantage)


@pytest.mark.parametrize(("importance", "weight"), [(0.5, 0.5), (1.9, 1.9), (50.0, 2.0)])
def test_the_importance_weight_is_truncated_at_the_cap(importance: float, weight: float) -> None:
    inputs = _inputs(importance=importance)
    assert float(policy_loss(inputs, NO_KL).importance_a) == pytest.approx(importance, rel=1e-5)
    assert _gradient(inputs, NO_KL) == pytest.approx(-weight, rel=1e-5)


def test_a_broken_log_prob_gives_a_finite_ratio() -> None:
    inputs = replace(_inputs(), sampler_logprobs_a=torch.tensor([-math.inf]))
    assert math.isfinite(float(policy_loss(inputs, NO_KL).loss.detach()))


def test_k3_is_zero_at_equality_and_positive_elsewhere() -> None:
    reference = torch.tensor([-1.0, -2.0, -0.5])
    assert torch.equal(k3_kl(reference, reference), torch.zeros(3))
    assert (k3_kl(reference + torch.tensor([1e-3, -0.4, 3.0]), reference) > 0).all()


def test_k3_has_the_worked_out_value_and_gradient() -> None:
    # d = log pi_ref - log pi = -0.5: k3 = e^d - d - 1, d k3 / d log pi = 1 - e^d
    inputs = _inputs(advantage=0.0, reference=-1.5)
    numbers = replace(NO_KL, kl_beta=0.1)
    assert float(policy_loss(inputs, numbers).kl or 0) == pytest.approx(math.exp(-0.5) + 0.5 - 1)
    assert _gradient(inputs, numbers) == pytest.approx(0.1 * (1 - math.exp(-0.5)))


def test_the_reported_kl_is_the_penalised_one() -> None:
    terms = policy_loss(_inputs(reference=-2.0), replace(NO_KL, kl_beta=0.3))
    assert terms.kl is not None
    assert float(terms.loss) == pytest.approx(float(terms.pg_loss) + 0.3 * float(terms.kl))


def test_a_penalty_without_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="reference"):
        policy_loss(_inputs(), replace(NO_KL, kl_beta=0.1))


def test_token_weights_treat_tokens_alike_and_sequence_weights_sequences() -> None:
    lengths = [1, 3]
    assert token_weights(lengths, "token") == [0.25, 0.25]
    assert token_weights(lengths, "sequence") == [0.5, pytest.approx(1 / 6)]
    for normalise in ("token", "sequence"):
        weights = token_weights(lengths, normalise)  # type: ignore[arg-type]
        assert sum(w * n for w, n in zip(weights, lengths, strict=True)) == pytest.approx(1.0)


def test_the_importance_summary_is_of_the_raw_ratios() -> None:
    summary = importance_summary(torch.tensor([1.0, 1.0, 4.0]), cap=2.0)
    assert (summary.mean, summary.minimum, summary.maximum) == (2.0, 1.0, 4.0)
    assert summary.effective_sample_size == pytest.approx(36 / (3 * 18))
    assert summary.truncated_share == pytest.approx(1 / 3)
