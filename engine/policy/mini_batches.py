"""Input of the optimiser steps of an update, in pure functions that every engine shares.

    select          samples of a step -> those that are trained, and how many are left out
    stages          trained samples -> parts trained one after the other: all, or the coder's and then the tester's
    mini_batches    a stage -> parts of one optimiser step each
    loss_inputs     samples and log-probs -> the vectors of the loss, flat over their answer tokens

Whoever computes the log-probs, this model or a distributed engine, trains on the same samples in the same parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import torch

from engine.config.schema import UpdateOrder
from engine.policy.loss import LossInputs
from engine.policy.samples import TrainSample

FIRST_ROLE = "coder"  # trained first in a sequential update


@dataclass(frozen=True)
class Selection:
    """Samples that an update trains on; masked, zero_advantage: the number left out for either reason."""

    trained: tuple[TrainSample, ...]
    masked: int
    zero_advantage: int


def select(samples: Sequence[TrainSample]) -> Selection:
    """Leave out masked samples, and those with advantage 0, which have no policy gradient."""
    unmasked = [sample for sample in samples if not sample.mask_out]
    trained = tuple(sample for sample in unmasked if sample.advantage != 0.0)
    return Selection(trained, masked=len(samples) - len(unmasked), zero_advantage=len(unmasked) - len(trained))


def stages(samples: Sequence[TrainSample], order: UpdateOrder) -> list[list[TrainSample]]:
    """Split `samples` into parts that are trained one after the other: one part, or one per role."""
    if order == "joint" or not samples:
        return [list(samples)] if samples else []
    roles = sorted({sample.role for sample in samples}, key=lambda role: (role != FIRST_ROLE, role))
    return [[sample for sample in samples if sample.role == role] for role in roles]


def mini_batches(samples: Sequence[TrainSample], count: int, seed: int) -> list[list[TrainSample]]:
    """Split `samples` by group, so that the answers to one prompt stay together, with both roles in each part.

    Each group's prompt is then computed once, and its advantages sum to 0 within one mini-batch.
    """
    if count == 1:
        return [list(samples)]
    groups: dict[tuple[str, tuple[int, ...]], list[TrainSample]] = {}
    for sample in samples:
        groups.setdefault((sample.role, sample.prompt_ids), []).append(sample)
    generator = torch.Generator().manual_seed(seed)
    shuffled = [list(groups.items())[i] for i in torch.randperm(len(groups), generator=generator).tolist()]
    shuffled.sort(key=lambda item: item[0][0])  # stable: by role, shuffled within
    dealt = [shuffled[first::count] for first in range(count)]
    return [list(chain.from_iterable(members for _, members in hand)) for hand in dealt if hand]


def mini_batch_seed(seed: int, updates_done: int) -> int:
    """Return the seed by which `mini_batches` shuffles in an update of a run with `seed`."""
    return seed * 1_000_003 + updates_done


def loss_inputs(
    samples: Sequence[TrainSample],
    weights_b: Sequence[float],
    logprobs_a: torch.Tensor,
    old_logprobs_a: torch.Tensor,
    reference_logprobs_a: torch.Tensor | None,
) -> LossInputs:
    """Return the vectors of the loss over the answer tokens a of `samples`, in fp32 on the device of `logprobs_a`.

    weights_b: of a token of each sample, from `token_weights`. logprobs_a, old_logprobs_a, reference_logprobs_a: under
    the policy that is trained, the one before the update, and the base model.
    """
    device = logprobs_a.device
    lengths_b = torch.tensor([len(sample.token_ids) for sample in samples], device=device)

    def spread(values_b: Sequence[float]) -> torch.Tensor:
        return torch.tensor(values_b, dtype=torch.float32, device=device).repeat_interleave(lengths_b)

    sampled = list(chain.from_iterable(sample.sampler_logprobs for sample in samples))
    return LossInputs(
        logprobs_a=logprobs_a,
        old_logprobs_a=old_logprobs_a,
        sampler_logprobs_a=torch.tensor(sampled, dtype=torch.float32, device=device),
        reference_logprobs_a=reference_logprobs_a,
        advantages_a=spread([sample.advantage for sample in samples]),
        weights_a=spread(weights_b),
    )
