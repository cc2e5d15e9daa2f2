"""Sampler in the engine's own process: a decoding loop over the very model that is trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.config import RunConfig
from engine.models.device import sampling_threads
from engine.policy import Policy
from engine.sampling.local.sampler import TransformersSampler
from engine.train.surroundings import Surroundings


def open_sampler(
    config: RunConfig, policy: Policy, tokenizer: Any, prompts: Iterable[tuple[int, ...]], surroundings: Surroundings
) -> TransformersSampler:
    """Return a sampler over the policy's own model, which needs no copy of the weights."""
    rollout = config.rollout
    threads = sampling_threads(rollout.sampling_threads, policy.model)
    return TransformersSampler(policy.model, tokenizer, max_batch=rollout.max_batch, threads=threads)
