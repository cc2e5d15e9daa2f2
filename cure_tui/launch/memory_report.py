"""Report of a preset's memory plan as text and as JSON: `cure-tui doctor --preset P`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from engine.config import RunConfig
from engine.machine.memory_plan import MemoryPlan, Phase, changes_that_fit

_LABEL = 46


def plan_as_text(config: RunConfig, plan: MemoryPlan, variants: list[str], card: str) -> Iterator[str]:
    """Yield lines: the model, both phases part by part, the KV cache, and whether it fits, with a remedy."""
    shape = plan.shape
    yield f"{config.name}{_variant(config, variants)} on {card}"
    yield (
        f"  {plan.model}: {shape.parameters / 1e9:.2f} billion parameters, "
        f"{shape.lora_parameters(config.policy.lora_rank) / 1e6:.1f} million trained"
    )
    for phase in (plan.sampling, plan.update):
        yield ""
        yield from _phase_as_text(phase)
    yield ""
    yield from _cache_as_text(plan)
    if plan.host_gib:
        yield f"Host memory  {plan.host_gib:.1f} GiB for vLLM's weights while it sleeps (during updates)"
    yield from _verdict(config, plan)


def plan_as_json(config: RunConfig, plan: MemoryPlan, variants: list[str]) -> dict[str, object]:
    """Return the same plan as one JSON object; sizes in GiB."""
    cache = plan.kv_cache
    return {
        "preset": config.name,
        "variant": config.variant,
        "variants": variants,
        "model": plan.model,
        "shape": dataclasses.asdict(plan.shape),
        "parameters": plan.shape.parameters,
        "trained_parameters": plan.shape.lora_parameters(config.policy.lora_rank),
        "gpu_gib": round(plan.gpu_gib, 3),
        "needed_gib": round(plan.needed_gib, 3),
        "fits": plan.fits,
        "host_gib": round(plan.host_gib, 3),
        "phases": [
            {
                "name": phase.name,
                "peak_gib": round(phase.peak_gib, 3),
                "parts": [{"name": part.name, "gib": round(part.gib, 4)} for part in phase.parts],
            }
            for phase in (plan.sampling, plan.update)
        ],
        "kv_cache": None
        if cache is None
        else {
            "bytes_per_token": cache.bytes_per_token,
            "tokens": cache.tokens,
            "longest_sequence": cache.longest_sequence,
            "whole_sequences": round(cache.whole_sequences, 2),
            "usual_sequences": cache.usual_sequences,
        },
        "changes_that_fit": None if (changes := _changes(config, plan)) is None else dict(changes),
    }


def _variant(config: RunConfig, variants: list[str]) -> str:
    if not config.variant:
        return ""
    others = [name for name in variants if name != config.variant]
    also = f" (also {', '.join(f'@{name}' for name in others)})" if others else ""
    return f"@{config.variant}{also}"


def _phase_as_text(phase: Phase) -> Iterator[str]:
    yield phase.name.capitalize()
    for part in phase.parts:
        if part.gib >= 0.005:
            yield f"  {part.name:<{_LABEL}} {part.gib:>7.2f} GiB"
    yield f"  {'peak':<{_LABEL}} {phase.peak_gib:>7.2f} GiB"


def _cache_as_text(plan: MemoryPlan) -> Iterator[str]:
    cache = plan.kv_cache
    if cache is None:
        return
    yield (
        f"KV cache     {cache.tokens:,} tokens: {cache.whole_sequences:.1f} sequences of the longest "
        f"length, {cache.longest_sequence:,}; about {cache.usual_sequences} sequences of usual length at a time"
    )


def _verdict(config: RunConfig, plan: MemoryPlan) -> Iterator[str]:
    if plan.fits:
        yield f"fits: {plan.needed_gib:.1f} of {plan.gpu_gib:.1f} GiB needed; sampling gives the rest to the KV cache"
        return
    yield f"does not fit: {plan.needed_gib:.1f} GiB needed, {-plan.spare_gib:.1f} more than the GPU has"
    changes = _changes(config, plan)
    if changes is None:
        yield "  -> take a smaller preset: no setting makes this model fit"
    else:
        yield "  -> " + " ".join(f"--set {key}={_shown(value)}" for key, value in changes)


def _changes(config: RunConfig, plan: MemoryPlan) -> tuple[tuple[str, object], ...] | None:
    return changes_that_fit(config, plan.gpu_gib)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
