"""Loss of an update as coefficients of a linear surrogate, which every server of the Tinker API trains alike.

Servers differ in clipping, KL, caps and normalisation, and say nothing where they drop one. A gradient is linear in the
log-probs' own gradients, so it is enough to send

    c_i = -dLoss / dlogp_i         the loss of engine/policy/loss.py, differentiated here
    server's loss: importance_sampling with the present weights' own log-probs, whose ratio is 1
    gradient: sum_i c_i dlogp_i    what the local update computes

Everything that the report says of an update is known here too, but for the entropy, of which -log p of the sampled
tokens is an unbiased estimate (at the weights that sampled them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.policy.loss import LossNumbers, LossTerms, policy_loss
from engine.policy.mini_batches import loss_inputs
from engine.policy.samples import TrainSample
from engine.policy.tally import ScoredTokens
from engine.policy.tinker.datum import Datum, FloatArray


@dataclass(frozen=True)
class Surrogate:
    """Linear surrogate of some samples' loss. weight: the sum of their token weights."""

    data: tuple[Datum, ...]
    terms: LossTerms
    scored: ScoredTokens
    weight: float

    @property
    def finite(self) -> bool:
        """True if nothing that would be sent is NaN or inf: a gradient on a server cannot be taken back."""
        numbers = (*(each.coefficients for each in self.data), *(each.old_logprobs for each in self.data))
        return bool(torch.isfinite(self.terms.loss)) and all(bool(np.isfinite(each).all()) for each in numbers)


def surrogate(
    samples: Sequence[TrainSample],
    weights_b: Sequence[float],
    present_b: Sequence[FloatArray],
    old_b: Sequence[FloatArray],
    reference_b: Sequence[FloatArray] | None,
    numbers: LossNumbers,
) -> Surrogate:
    """Differentiate the loss of at least one sample by its tokens' log-probs.

    weights_b: of a token of each sample, over the whole optimiser step. present_b, old_b, reference_b: log-probs of
    each answer under the present weights, those before the update, and the base model (None: KL not measured here).
    """
    present_a = _flat(present_b).requires_grad_()
    reference_a = None if reference_b is None else _flat(reference_b)
    inputs = loss_inputs(samples, weights_b, present_a, _flat(old_b), reference_a)
    terms = policy_loss(inputs, numbers)
    (gradient_a,) = torch.autograd.grad(terms.loss, present_a)
    lengths = [len(sample.token_ids) for sample in samples]
    coefficients_b = [(-part).numpy() for part in gradient_a.split(lengths)]
    data = tuple(
        Datum(sample.prompt_ids, sample.token_ids, present, coefficients)
        for sample, present, coefficients in zip(samples, present_b, coefficients_b, strict=True)
    )
    detached_a = present_a.detach()
    scored = ScoredTokens([sample.role for sample in samples], lengths, -detached_a, detached_a, reference_a)
    return Surrogate(data, terms, scored, float(inputs.weights_a.sum()))


def _flat(logprobs_b: Sequence[FloatArray]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(list(logprobs_b)).astype(np.float32))
