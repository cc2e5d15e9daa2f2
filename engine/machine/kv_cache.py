"""Size of vLLM's KV cache from what is free on its card, which a desktop or another program may share."""

from __future__ import annotations

from engine.config.schema import RunConfig
from engine.machine.memory_plan import KvCache, plan_memory
from engine.machine.memory_plan import calibration as c
from engine.machine.memory_plan.sampling_phase import vllm_parts
from engine.machine.memory_plan.shape import shape_of

KEPT = c.RESERVE
"""Left free on the card: a desktop's needs grow while it is used."""


def cache_beside_trainer(config: RunConfig, *, free: float, total: float, own: float) -> int | None:
    """Return the bytes of the KV cache on the trainer's card; None if the model's shape is unknown.

    free, total: bytes of the card. own: bytes that this process's tensors have reserved there, which the plan counts
    anew: beside them it counts what is not there yet, such as the optimiser's moments.
    """
    shape = shape_of(config.model.source)
    if shape is None:
        return None
    usable = min(total, free + own + c.CUDA_CONTEXT)
    plan = plan_memory(config, usable / c.GIB, shape)
    return int(plan.kv_cache.bytes) if plan is not None and plan.kv_cache is not None else None


def cache_on_own_card(config: RunConfig, *, free: float) -> int | None:
    """Return the bytes of the KV cache on a card where vLLM is alone; None if the model's shape is unknown."""
    needed = needed_on_own_card(config)
    if needed is None:
        return None
    others, cache = needed
    most = cache.most_sequences * cache.longest_sequence * cache.bytes_per_token
    return int(min(max(free - others, cache.least_bytes), most))


def needed_on_own_card(config: RunConfig) -> tuple[float, KvCache] | None:
    """Return the bytes of vLLM without its KV cache on a card of its own, with what is kept free, and the least cache.

    None if the model's shape is unknown.
    """
    shape = shape_of(config.model.source)
    plan = None if shape is None else plan_memory(config, 0.0, shape)
    if shape is None or plan is None or plan.kv_cache is None:
        return None
    return sum(part.bytes for part in vllm_parts(shape, config)) + c.CUDA_CONTEXT + KEPT, plan.kv_cache
