"""Search for changes of settings with which a run fits into a card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.machine.memory_plan.plan import longest_sequence, plan_memory
from engine.machine.memory_plan.shape import ModelShape, shape_of

if TYPE_CHECKING:
    from engine.config.schema import RunConfig

Change = tuple[str, object]
"""Dotted setting and its new value."""

_SHORTEST_ANSWER = 1024


def changes_that_fit(config: RunConfig, gpu_gib: float) -> tuple[Change, ...] | None:
    """Return changes to `config` that make it fit, the cheapest first; None if even all of them do not suffice.

    Raises ValueError if the model's shape is unknown.
    """
    shape = shape_of(config.model.source)
    if shape is None:
        raise ValueError(f"the shape of {config.model.source} is not known")
    chosen: list[Change] = []
    if _fits(config, gpu_gib, shape):
        return ()
    for change in _cheapest_first(config):
        chosen = [kept for kept in chosen if kept[0] != change[0]] + [change]
        if _fits(_with(config, chosen), gpu_gib, shape):
            break
    else:
        return None
    for change in list(chosen):  # later changes may have made earlier ones unnecessary
        fewer = [kept for kept in chosen if kept is not change]
        if _consistent(_with(config, fewer)) and _fits(_with(config, fewer), gpu_gib, shape):
            chosen = fewer
    return tuple(chosen)


def _cheapest_first(config: RunConfig) -> Iterator[Change]:
    """Yield changes in the order of their cost: speed first, then precision, then the length of answers."""
    answer = max(config.rollout.max_new_tokens_coder, config.rollout.max_new_tokens_tester)
    policy = config.policy
    with_vllm = config.rollout.sampler == "vllm"
    if with_vllm and config.vllm.kv_cache_gb:
        yield "vllm.kv_cache_gb", 0.0
    if with_vllm and config.vllm.sleep_level == 0:
        yield "vllm.sleep_level", 1
    if not policy.checkpoint_activations:
        yield "policy.checkpoint_activations", True
    if policy.micro_batch_tokens > longest_sequence(config):
        yield "policy.micro_batch_tokens", longest_sequence(config)
    if config.rollout.sampler == "transformers":
        batch = config.rollout.max_batch
        while batch > 8:
            batch //= 2
            yield "rollout.max_batch", batch
    if with_vllm and config.rollout.max_batch > 64:
        yield "rollout.max_batch", 64
    if policy.precision != "nf4" and config.model.dtype != "fp32":
        yield "policy.precision", "nf4"
    if with_vllm and config.vllm.precision == "dtype" and config.model.dtype != "fp32":
        # Neither an fp8 cache nor level 2 goes with NF4 (see engine.config.rules).
        narrow = config.vllm.kv_cache_dtype == "fp8" or config.vllm.sleep_level == 2
        yield "vllm.precision", "fp8" if narrow else "nf4"
    if with_vllm and config.vllm.cuda_graphs:
        yield "vllm.cuda_graphs", False
    # Halving keeps the number of trials small: each computes a whole plan.
    while answer > _SHORTEST_ANSWER:
        answer = max(answer // 2, _SHORTEST_ANSWER)
        for role in ("coder", "tester"):
            if getattr(config.rollout, f"max_new_tokens_{role}") > answer:
                yield f"rollout.max_new_tokens_{role}", answer
        if policy.micro_batch_tokens > answer:
            yield "policy.micro_batch_tokens", answer
    # Last, because it gains least: only the moments of the small adapters shrink.
    if policy.optimiser == "adamw":
        yield "policy.optimiser", "adamw-8bit"


def _with(config: RunConfig, changes: list[Change]) -> RunConfig:
    for dotted, value in changes:
        section, key = dotted.split(".")
        table = getattr(config, section).model_copy(update={key: value})
        config = config.model_copy(update={section: table})
    return config


def _consistent(config: RunConfig) -> bool:
    """Return whether `config` keeps the only rule of engine.config that these changes could break."""
    longest = max(config.rollout.max_new_tokens_coder, config.rollout.max_new_tokens_tester)
    return config.policy.micro_batch_tokens >= longest


def _fits(config: RunConfig, gpu_gib: float, shape: ModelShape) -> bool:
    plan = plan_memory(config, gpu_gib, shape)
    return plan is not None and plan.fits
