"""Sampler of a vLLM process beside the trainer, on the same device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from engine.config import RunConfig
from engine.machine.memory_plan import kv_cache_bytes
from engine.machine.resources import source_path
from engine.models.model_files import locate_model
from engine.policy import Policy
from engine.policy.adapter import base_of
from engine.samplers.parts import Surroundings, logprobs_of, sampling_threads, stop_ids
from engine.sampling.adapters import Canary, agreement_bound
from engine.sampling.vllm import VllmSampler, VllmSettings


def open_sampler(
    config: RunConfig, policy: Policy, tokenizer: Any, prompts: Iterable[tuple[int, ...]], surroundings: Surroundings
) -> VllmSampler:
    every_prompt = list(prompts)
    rollout, vllm, base = config.rollout, config.vllm, base_of(policy.model)
    settings = VllmSettings(
        model=locate_model(str(source_path(config.model.source))),
        dtype=config.model.dtype,
        stop_ids=stop_ids(policy, tokenizer),
        max_model_len=_longest(every_prompt, config, base.config),
        lora_rank=config.policy.lora_rank,
        precision=vllm.precision,
        max_batch=rollout.max_batch,
        max_batched_tokens=vllm.max_batched_tokens,
        kv_cache_bytes=_kv_cache_bytes(config, base.device),
        cuda_graphs=vllm.cuda_graphs,
        sleep_level=vllm.sleep_level,
        device="cuda" if base.device.type == "cuda" else "cpu",
        threads=sampling_threads(),
        hang_seconds=vllm.hang_seconds,
        restarts=vllm.restarts,
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
    """Return the bytes that are asked for, else on a GPU those the memory plan leaves; None leaves it to vLLM."""
    if config.vllm.kv_cache_gb:
        return round(config.vllm.kv_cache_gb * 2**30)
    if device.type != "cuda":
        return None
    return kv_cache_bytes(config, torch.cuda.get_device_properties(device).total_memory / 2**30)


def _longest(prompts: list[tuple[int, ...]], config: RunConfig, model: Any) -> int:
    """Add up longest prompt and longest answer, for which vLLM plans its cache; at most the model's context."""
    rollout = config.rollout
    longest = max(map(len, prompts)) + max(rollout.max_new_tokens_coder, rollout.max_new_tokens_tester)
    context = getattr(model, "max_position_embeddings", None)
    return longest if context is None else min(longest, int(context))
