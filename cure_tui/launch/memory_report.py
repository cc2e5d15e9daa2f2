"""Report of a memory plan as text and as JSON, part by part: the first half of `cure-tui doctor --preset P`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from engine.config import RunConfig
from engine.machine.memory_plan import MemoryPlan, Part, Phase, changes_that_fit

_LABEL = 46


def memory_as_text(config: RunConfig, plan: MemoryPlan, variants: list[str], card: str) -> Iterator[str]:
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
    if plan.host:
        yield ""
        yield from _parts_as_text("Host memory", plan.host, "together")
        yield ""
    yield from _verdict(config, plan)


def memory_as_json(config: RunConfig, plan: MemoryPlan, variants: list[str]) -> dict[str, object]:
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
        "free_gib": None if plan.free_gib is None else round(plan.free_gib, 3),
        "on_cpu": plan.on_cpu,
        "needed_gib": round(plan.needed_gib, 3),
        "fits": plan.fits,
        "host_gib": round(plan.host_gib, 3),
        "host": [{"name": part.name, "gib": round(part.gib, 4)} for part in plan.host],
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
    yield from _parts_as_text(phase.name.capitalize(), phase.parts, "peak")


def _parts_as_text(title: str, parts: Sequence[Part], total: str) -> Iterator[str]:
    yield title
    for part in parts:
        if part.gib >= 0.005:
            yield f"  {part.name:<{_LABEL}} {part.gib:>7.2f} GiB"
    yield f"  {total:<{_LABEL}} {sum(part.gib for part in parts):>7.2f} GiB"


def _cache_as_text(plan: MemoryPlan) -> Iterator[str]:
    cache = plan.kv_cache
    if cache is None or plan.on_cpu:
        return
    yield (
        f"KV cache     {cache.tokens:,} tokens: {cache.whole_sequences:.1f} sequences of the longest "
        f"length, {cache.longest_sequence:,}; about {cache.usual_sequences} sequences of usual length at a time"
    )


def _verdict(config: RunConfig, plan: MemoryPlan) -> Iterator[str]:
    taken = plan.gpu_gib - plan.room_gib
    free = f" ({taken:.1f} are taken by other processes)" if taken >= 0.05 else ""
    if plan.fits:
        rest = "" if plan.on_cpu else "; sampling gives the rest to the KV cache"
        yield f"fits: {plan.needed_gib:.1f} of {plan.room_gib:.1f} GiB needed{free}{rest}"
        return
    what = "are free" if plan.on_cpu else "the GPU has" if not free else "are free on the GPU"
    yield f"does not fit: {plan.needed_gib:.1f} GiB needed, {-plan.spare_gib:.1f} more than {what}{free}"
    changes = _changes(config, plan)
    if plan.on_cpu:
        yield "  -> end other programs, take a smaller preset, or lower rollout.max_batch and policy.micro_batch_tokens"
    elif changes is None:
        yield "  -> take a smaller preset: no setting makes this model fit"
    else:
        yield "  -> " + " ".join(f"--set {key}={_shown(value)}" for key, value in changes)


def _changes(config: RunConfig, plan: MemoryPlan) -> tuple[tuple[str, object], ...] | None:
    return None if plan.on_cpu else changes_that_fit(config, plan.room_gib)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
