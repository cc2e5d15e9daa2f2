"""Sampler that runs a vLLM process beside the trainer, on the same device or on a card of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from engine.config import RunConfig
from engine.errors import EnvironmentError_
from engine.machine.cards import Gpu
from engine.machine.kv_cache import cache_beside_trainer, cache_on_own_card
from engine.machine.nvml import cards_and_driver
from engine.machine.process_environment import own_cards
from engine.machine.resources import source_path
from engine.models.device import default_device, sampling_threads
from engine.models.model_files import locate_model
from engine.policy import Policy
from engine.policy.adapter import base_of
from engine.sampling.adapters import Canary, agreement_bound
from engine.sampling.vllm import VllmSampler, VllmSettings
from engine.train.samplers.parts import logprobs_of, stop_ids
from engine.train.surroundings import Surroundings


def open_sampler(
    config: RunConfig, policy: Policy, tokenizer: Any, prompts: Iterable[tuple[int, ...]], surroundings: Surroundings
) -> VllmSampler:
    """Return a sampler with room for the longest prompt and answer; a canary checks its log-probs by the trainer's."""
    every_prompt = list(prompts)
    rollout, base = config.rollout, base_of(policy.model)
    card = vllm_card(config, base.device)
    settings = VllmSettings.of(
        config,
        locate_model(str(source_path(config.model.source))),
        getattr(base.config, "max_position_embeddings", None),
        longest=max(map(len, every_prompt)) + max(rollout.max_new_tokens_coder, rollout.max_new_tokens_tester),
        stop_ids=stop_ids(policy, tokenizer),
        device=default_device(),
        threads=sampling_threads(rollout.sampling_threads, policy.model),
        kv_cache_bytes=kv_cache_size(config, base.device, card),
        card=card,
    )
    agreement = agreement_bound(config.policy.precision, sampled_in(config))
    return VllmSampler(
        settings,
        policy,
        tokenizer,
        scratch=surroundings.scratch,
        log=surroundings.log,
        canary=Canary(every_prompt[0], logprobs_of(policy), agreement, on_notice=surroundings.on_notice),
        temperature=rollout.temperature,
        on_notice=surroundings.on_notice,
    )


def sampled_in(config: RunConfig) -> str:
    """Return the coarsest format that vLLM computes an answer from: of its weights, or of its KV cache."""
    if config.vllm.precision != "dtype":
        return config.vllm.precision
    return "fp8" if config.vllm.kv_cache_dtype == "fp8" else config.model.dtype


def vllm_card(config: RunConfig, device: torch.device) -> Gpu | None:
    """Return the card that vLLM samples on; None on a CPU. Raises EnvironmentError_: `vllm.device` names none."""
    if device.type != "cuda":
        return None
    cards, named = own_cards(), config.vllm.device
    if named == "same":
        return cards.trainer
    if int(named) >= len(cards.visible):
        shown = f"this machine shows {len(cards.visible)} cards, counted from 0"
        raise EnvironmentError_(f'vllm.device = "{named}", but {shown}', 'set vllm.device = "same"')
    return cards.visible[int(named)]


def kv_cache_size(config: RunConfig, device: torch.device, card: Gpu | None) -> int | None:
    """Return the configured size in bytes, or on a GPU what is free beside the rest; None leaves it to vLLM."""
    if config.vllm.kv_cache_gb:
        return round(config.vllm.kv_cache_gb * 2**30)
    if device.type != "cuda":
        return None
    if card is not None and card != own_cards().trainer:
        now = next((each for each in cards_and_driver()[0] if each.uuid == card.uuid), card)
        return cache_on_own_card(config, free=now.free_gb * 2**30)
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(device)
    return cache_beside_trainer(config, free=free, total=total, own=torch.cuda.memory_reserved(device))
