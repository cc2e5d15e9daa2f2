"""Planner of both phases: which parts exist at the same time on a card, and what is left for the KV cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.config.curriculum import longest_answer
from engine.machine.memory_plan import calibration as c
from engine.machine.memory_plan.host import host_parts
from engine.machine.memory_plan.parts import KvCache, MemoryPlan, Part, Phase
from engine.machine.memory_plan.sampling_phase import (
    canary_part,
    kv_cache_format,
    transformers_parts,
    vllm_asleep,
    vllm_parts,
)
from engine.machine.memory_plan.shape import ModelShape, shape_of
from engine.machine.memory_plan.update_phase import UpdateSetup, resting_trainer, update_parts

if TYPE_CHECKING:
    from engine.config.schema import RunConfig


def plan_memory(
    config: RunConfig,
    gpu_gib: float,
    shape: ModelShape | None = None,
    *,
    free_gib: float | None = None,
    pinned_threshold_mb: int | None = None,
) -> MemoryPlan | None:
    """Plan the memory of `config` on one GPU; None if the model's shape is unknown (see `shape_of`).

    gpu_gib: all of its memory; free_gib: what is free before the run starts, None if unknown. pinned_threshold_mb: see
    `host.pinned_bytes`.
    """
    shape = shape or shape_of(config.model.source)
    if shape is None:
        return None
    setup = update_setup(config)
    contexts = _contexts(config)
    # vLLM and the idle trainer share the card while answers are sampled; the KV cache takes what both leave.
    fixed = [*contexts, *resting_trainer(shape, setup), *_sampler_parts(shape, config)]
    asleep = vllm_asleep(shape, config) if config.rollout.sampler == "vllm" else []
    room_gib = gpu_gib if free_gib is None else min(gpu_gib, free_gib)
    cache = _kv_cache(shape, config, room_gib * c.GIB - sum(part.bytes for part in fixed))
    return MemoryPlan(
        model=config.model.source,
        shape=shape,
        gpu_gib=gpu_gib,
        sampling=Phase("sampling", (*fixed, *([Part("KV cache", cache.bytes)] if cache else []))),
        update=Phase("update", (*contexts, *asleep, *update_parts(shape, setup))),
        kv_cache=cache,
        host=host_parts(shape, config, pinned_threshold_mb),
        free_gib=free_gib,
    )


def kv_cache_bytes(config: RunConfig, gpu_gib: float, free_gib: float | None = None) -> int | None:
    """Return the size of vLLM's KV cache on a GPU, as `plan_memory` does; None if the model's shape is unknown."""
    plan = plan_memory(config, gpu_gib, free_gib=free_gib)
    return int(plan.kv_cache.bytes) if plan is not None and plan.kv_cache is not None else None


def without_sampler(config: RunConfig) -> RunConfig:
    """Return `config` as the trainer's card sees it when answers are sampled on another one."""
    return config.model_copy(update={"rollout": config.rollout.model_copy(update={"sampler": "endpoint"})})


def update_setup(config: RunConfig) -> UpdateSetup:
    """Return the update's setup. A sample is never split, so a micro-batch may hold one longest prompt and answer."""
    policy = config.policy
    return UpdateSetup(
        precision=policy.precision,
        rank=policy.lora_rank,
        optimiser=policy.optimiser,
        checkpointing=policy.checkpoint_activations,
        tokens=max(policy.micro_batch_tokens, longest_sequence(config)),
    )


def longest_sequence(config: RunConfig) -> int:
    """Return the tokens of the longest prompt to plan for and the longest answer together."""
    return c.PROMPT_TOKENS + longest_answer(config.rollout)


def _contexts(config: RunConfig) -> list[Part]:
    """Return the CUDA contexts. vLLM runs in a process of its own, so that a crash of it does not end the run."""
    processes = 2 if config.rollout.sampler == "vllm" else 1
    return [
        Part("kept free", c.RESERVE),
        Part(f"CUDA contexts ({processes})", processes * c.CUDA_CONTEXT),
    ]


def _sampler_parts(shape: ModelShape, config: RunConfig) -> list[Part]:
    if config.rollout.sampler == "vllm":
        return [*vllm_parts(shape, config), canary_part(shape, config)]
    return transformers_parts(shape, config) if config.rollout.sampler == "transformers" else []


def _kv_cache(shape: ModelShape, config: RunConfig, left: float) -> KvCache | None:
    """Size the KV cache: as configured, else the memory left, within the least useful size and the largest."""
    rollout = config.rollout
    if rollout.sampler in ("endpoint", "engine"):
        return None
    per_token = shape.kv_bytes_per_token(c.BYTES[kv_cache_format(config)])
    longest = longest_sequence(config)
    most = float(rollout.max_batch * longest * per_token)
    if rollout.sampler == "transformers":  # it allocates for a whole batch at once
        least = size = most
    elif config.vllm.kv_cache_gb:
        least = size = config.vllm.kv_cache_gb * c.GIB
    else:
        sequences = max(1.0, c.OCCUPANCY * min(c.LEAST_SEQUENCES, rollout.max_batch))
        least = sequences * longest * per_token
        size = min(max(left, least), most)
    return KvCache(size, least, per_token, longest, rollout.max_batch)
