"""Host memory of a run: the processes, and the pinned copy of the weights of a vLLM that sleeps at level 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.machine.memory_plan import calibration as c
from engine.machine.memory_plan.parts import Part
from engine.machine.memory_plan.sampling_phase import vllm_format
from engine.machine.memory_plan.shape import ModelShape

if TYPE_CHECKING:
    from engine.config.schema import RunConfig


def host_parts(shape: ModelShape, config: RunConfig, pinned_threshold_mb: int | None) -> tuple[Part, ...]:
    """Return the host memory of a run on a GPU; pinned_threshold_mb: as of `pinned_bytes`."""
    parts = [
        Part("trainer's process", c.TRAINER_PROCESS_CUDA),
        Part("sandbox, programs at their limit", programs(config)),
        Part("cure-tui", c.INTERFACE_PROCESS),
    ]
    if config.rollout.sampler == "vllm":
        parts.append(Part("vLLM's process", c.VLLM_PROCESS_CUDA))
        if config.vllm.sleep_level == 1:
            tensors = vllm_tensors(shape, vllm_format(config), config.model.dtype)
            name = "vLLM's weights while it sleeps (pinned)"
            parts.append(Part(name, float(pinned_bytes(tensors, pinned_threshold_mb))))
    return tuple(parts)


def programs(config: RunConfig) -> float:
    """Return the bytes of two programs at the limit of the sandbox: more at a time rarely reach it."""
    return 2.0 * config.sandbox.memory_mb * 2**20


def vllm_tensors(shape: ModelShape, weights_format: str, dtype: str) -> Iterator[int]:
    """Yield the bytes of vLLM's weight tensors in the order of loading; q, k, v and gate, up are one tensor each."""
    packed = c.NF4_SAMPLER_BYTES if weights_format == "nf4" else c.BYTES[weights_format]
    width = c.BYTES[dtype]
    ends = round(shape.vocabulary * shape.hidden * width)
    qkv = shape.hidden * (shape.query_width + 2 * shape.kv_width)
    layer = (
        qkv,
        shape.query_width * shape.hidden,
        2 * shape.hidden * shape.intermediate,
        shape.intermediate * shape.hidden,
    )
    yield ends
    for _ in range(shape.layers):
        yield from (round(weights * packed) for weights in layer)
    if not shape.tied_embeddings:
        yield ends


def pinned_bytes(tensors: Iterator[int], threshold_mb: int | None = None) -> int:
    """Return the pinned host memory that a copy of `tensors` takes, segment by segment.

    torch rounds each pinned allocation up to a power of two: 7.5 GiB of Qwen3-4B take 10.0. threshold_mb: allocations
    above it are not rounded (`pinned_max_round_threshold_mb` in PYTORCH_ALLOC_CONF); None: all are.
    """
    return sum(pinned_segment(segment, threshold_mb) for segment in segments(tensors))


def pinned_segment(size: int, threshold_mb: int | None = None) -> int:
    """Return the bytes of one pinned allocation of `size` bytes (ATen/core/CachingHostAllocator.h)."""
    if threshold_mb is not None and size > threshold_mb * 2**20:
        return size
    return 1 << (size - 1).bit_length()


def segments(tensors: Iterator[int]) -> Iterator[int]:
    """Yield the segments of torch's CUDA allocator that hold `tensors`, allocated one after the other."""
    left: list[int] = []  # free bytes of the shared segments
    for size in tensors:
        if size >= c.MEDIUM_TENSOR:
            yield -(-size // c.PINNED_GRAIN) * c.PINNED_GRAIN
            continue
        segment = c.PINNED_GRAIN if size <= c.SMALL_TENSOR else c.MEDIUM_SEGMENT
        place = next((place for place, free in enumerate(left) if free >= size), None)
        if place is None:
            yield segment
            left.append(segment - size)
        else:
            left[place] -= size
