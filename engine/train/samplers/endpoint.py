"""Sampler that uses running `vllm serve` processes, on this or other machines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.config import RunConfig
from engine.policy import Policy
from engine.sampling.adapters import Canary, agreement_bound
from engine.sampling.endpoint import EndpointSampler, start_command
from engine.train.samplers.parts import logprobs_of, stop_ids
from engine.train.surroundings import Surroundings


def open_sampler(
    config: RunConfig, policy: Policy, tokenizer: Any, prompts: Iterable[tuple[int, ...]], surroundings: Surroundings
) -> EndpointSampler:
    """Return a sampler over `rollout.endpoints`; a canary checks that each server's log-probs match the trainer's."""
    prompt = next(iter(prompts))

    def new_canary() -> Canary:
        return Canary(
            prompt,
            logprobs_of(policy),
            agreement_bound(config.policy.precision, config.model.dtype),
            who="a server of rollout.endpoints",
            remedy=f"serve the run's model, {config.model.source}: {start_command(config.policy.lora_rank)}",
        )

    return EndpointSampler(
        config.rollout,
        policy,
        tokenizer,
        stop_ids=stop_ids(policy, tokenizer),
        lora_rank=config.policy.lora_rank,
        hang_seconds=config.vllm.hang_seconds,
        shared=surroundings.scratch,
        new_canary=new_canary,
        on_notice=surroundings.on_notice,
    )
