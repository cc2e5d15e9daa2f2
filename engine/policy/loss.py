"""Loss of an update, in pure functions of token vectors: clipped ratio, KL to the base, truncated importance weight.

For a token i of an answer with advantage A, the policy pi being trained, the policy pi_old before the update,
the policy mu that sampled (same weights as pi_old, other kernels and precision), and the frozen base pi_ref:
    r_i   = pi(i) / pi_old(i)                            ratio that the clip bounds; 1 at the first optimiser step
    w_i   = min(pi_old(i) / mu(i), cap)                  truncated importance weight, no gradient
    J_i   = w_i * min(r_i A, clip(r_i, 1 - eps, 1 + eps) A)
    KL_i  = pi_ref(i) / pi(i) - log(pi_ref(i) / pi(i)) - 1            k3 estimator of KL(pi || pi_ref), >= 0
    loss  = sum_i weight_i * (-J_i + beta * KL_i)
Sources: the clip is PPO's (arXiv 1707.06347); the k3 penalty GRPO's (arXiv 2402.03300); J and KL with beta 0.01 and
eps 0.2 are the paper's objective (arXiv 2506.03136), to which w adds truncated importance sampling between inference
engine and trainer. w is per token because the ratio of a whole sequence is a product that explodes with its length.

Every vector is over a: the answer tokens that are trained, flat. Masked (truncated) answers are not among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

Normalise = Literal["token", "sequence"]

MAX_LOG_RATIO = 20.0  # e^20: keeps a broken token's ratio finite in fp32 so that it shows as a number, not as inf


@dataclass(frozen=True)
class LossNumbers:
    """Constants of the loss: eps of the clip, beta of the KL penalty, cap of the importance weight."""

    clip_epsilon: float
    kl_beta: float
    importance_cap: float


@dataclass(frozen=True)
class LossInputs:
    """Vectors [a] in fp32; only `logprobs_a` carries a gradient. `weights_a`: from `token_weights`."""

    logprobs_a: torch.Tensor
    old_logprobs_a: torch.Tensor
    sampler_logprobs_a: torch.Tensor
    reference_logprobs_a: torch.Tensor | None  # None: KL neither penalised nor measured here
    advantages_a: torch.Tensor
    weights_a: torch.Tensor


@dataclass(frozen=True)
class LossTerms:
    """Terms of the loss; only `loss` carries a gradient. Scalars are weighted sums, so micro-batches add up."""

    loss: torch.Tensor
    pg_loss: torch.Tensor
    kl: torch.Tensor | None
    clipped_a: torch.Tensor  # bool: the clip removed the token's gradient
    importance_a: torch.Tensor  # raw pi_old / mu, before the cap


@dataclass(frozen=True)
class ImportanceSummary:
    """Summary of the ratios pi_old / mu (trainer / sampler) over all tokens of an update, before the cap."""

    mean: float
    minimum: float
    maximum: float
    effective_sample_size: float  # (sum w)^2 / (tokens * sum w^2), in (0, 1]
    truncated_share: float  # ratios above the cap


def policy_loss(inputs: LossInputs, numbers: LossNumbers) -> LossTerms:
    """Return loss = sum_i weight_i * (-J_i + beta * KL_i) of one micro-batch, and its terms (equations: see top).

    Without a reference, KL is left out. Raises ValueError for beta > 0 without a reference.
    """
    if numbers.kl_beta > 0 and inputs.reference_logprobs_a is None:
        raise ValueError("kl_beta > 0 needs reference log-probs")
    ratio_a = _ratio(inputs.logprobs_a, inputs.old_logprobs_a)
    importance_a = _ratio(inputs.old_logprobs_a, inputs.sampler_logprobs_a).detach()
    bounded_a = ratio_a.clamp(1.0 - numbers.clip_epsilon, 1.0 + numbers.clip_epsilon)
    # The minimum is pessimistic: it removes the gradient only where the ratio has already moved in the advantage's
    # direction beyond the clip, so a step too far can still be taken back.
    gain_a = ratio_a * inputs.advantages_a
    bounded_gain_a = bounded_a * inputs.advantages_a
    objective_a = importance_a.clamp(max=numbers.importance_cap) * torch.minimum(gain_a, bounded_gain_a)
    pg_loss = -(inputs.weights_a * objective_a).sum()
    loss, kl = pg_loss, None
    if inputs.reference_logprobs_a is not None:
        kl = (inputs.weights_a * k3_kl(inputs.logprobs_a, inputs.reference_logprobs_a)).sum()
        if numbers.kl_beta > 0:
            loss = loss + numbers.kl_beta * kl
        kl = kl.detach()
    return LossTerms(loss, pg_loss.detach(), kl, (bounded_gain_a < gain_a).detach(), importance_a)


def k3_kl(logprobs_a: torch.Tensor, reference_logprobs_a: torch.Tensor) -> torch.Tensor:
    """Return the k3 estimate of KL(pi || pi_ref) per token, e^d - d - 1 with d = log pi_ref - log pi; [a], >= 0."""
    difference_a = (reference_logprobs_a - logprobs_a).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    return torch.expm1(difference_a) - difference_a  # expm1: exact near 0, where k3 is d^2 / 2


def _ratio(logprobs_a: torch.Tensor, base_logprobs_a: torch.Tensor) -> torch.Tensor:
    return torch.exp((logprobs_a - base_logprobs_a).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO))


def token_weights(lengths_b: Sequence[int], normalise: Normalise = "token") -> list[float]:
    """Return the weight of a token of each of b sequences, [b]; over all their tokens the weights sum to 1.

    token     1 / (tokens of the batch): all tokens count the same, so an answer counts by its length.
    sequence  1 / (b * own length): the mean of the sequences' means. Tokens of short answers weigh more, which favours
              short right answers and penalises long wrong ones less.
    """
    if normalise == "token":
        total = sum(lengths_b)
        return [1.0 / total for _ in lengths_b]
    return [1.0 / (len(lengths_b) * length) for length in lengths_b]


def importance_summary(importance_a: torch.Tensor, cap: float) -> ImportanceSummary:
    """Summarise the raw ratios [a] of at least one token; in fp64, as the squares of outliers swamp fp32 sums."""
    ratio_a = importance_a.double()
    return ImportanceSummary(
        mean=float(ratio_a.mean()),
        minimum=float(ratio_a.min()),
        maximum=float(ratio_a.max()),
        effective_sample_size=float(ratio_a.sum() ** 2 / (len(ratio_a) * (ratio_a**2).sum())),
        truncated_share=float((ratio_a > cap).double().mean()),
    )
