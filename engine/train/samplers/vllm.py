"""Sampler that runs a vLLM process beside the trainer, on the same device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from engine.config import RunConfig
from engine.machine.memory_plan import kv_cache_bytes
from engine.machine.resources import source_path
from engine.models.device import default_device, sampling_threads
from engine.models.model_files import locate_model
from engine.policy import Policy
from engine.policy.adapter import base_of
from engine.sampling.adapters import Canary, agreement_bound
from engine.sampling.vllm import VllmSampler, VllmSettings
from engine.train.samplers.parts import Surroundings, logprobs_of, stop_ids


def open_sampler(
    config: RunConfig, policy: Policy, tokenizer: Any, prompts: Iterable[tuple[int, ...]], surroundings: Surroundings
) -> VllmSampler:
    """Return a sampler with room for the longest prompt and answer; a canary checks its log-probs by the trainer's."""
    every_prompt = list(prompts)
    rollout, vllm, base = config.rollout, config.vllm, base_of(policy.model)
    settings = VllmSettings.of(
        config,
        locate_model(str(source_path(config.model.source))),
        getattr(base.config, "max_position_embeddings", None),
        longest=max(map(len, every_prompt)) + max(rollout.max_new_tokens_coder, rollout.max_new_tokens_tester),
        stop_ids=stop_ids(policy, tokenizer),
        device=default_device(),
        threads=sampling_threads(rollout.sampling_threads, policy.model),
        kv_cache_bytes=_kv_cache_bytes(config, base.device),
    )
    held_in = config.model.dtype if vllm.precision == "dtype" else vllm.precision
    return VllmSampler(
        settings,
        policy,
        tokenizer,
        scratch=surroundings.scratch,
        log=surroundings.log,
        canary=Canary(every_prompt[0], logprobs_of(policy), agreement_bound(config.policy.precision, held_in)),
        temperature=rollout.temperature,
        on_notice=surroundings.on_notice,
    )


def _kv_cache_bytes(config: RunConfig, device: torch.device) -> int | None:
    """Return the configured size in bytes, or on a GPU what the memory plan leaves; None leaves it to vLLM."""
    if config.vllm.kv_cache_gb:
        return round(config.vllm.kv_cache_gb * 2**30)
    if device.type != "cuda":
        return None
    return kv_cache_bytes(config, torch.cuda.get_device_properties(device).total_memory / 2**30)
