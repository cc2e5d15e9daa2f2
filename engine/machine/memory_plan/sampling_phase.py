"""Memory of sampling: vLLM beside a resting trainer, or our own decoder on the trainer's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.machine.memory_plan import calibration as c
from engine.machine.memory_plan.parts import Part
from engine.machine.memory_plan.shape import ModelShape
from engine.machine.memory_plan.update_phase import dequantised_weight

if TYPE_CHECKING:
    from engine.config.schema import RunConfig


def vllm_format(config: RunConfig) -> str:
    """The format of vLLM's base weights: fp32, bf16, fp16, fp8 or nf4."""
    return config.model.dtype if config.vllm.precision == "dtype" else config.vllm.precision


def vllm_weights(shape: ModelShape, weights_format: str, dtype: str) -> float:
    """Bytes; NF4 and fp8 pack the linear layers only, the rest stays in `dtype`, the untied head included."""
    packed = shape.linear_parameters
    per_number = c.NF4_SAMPLER_BYTES if weights_format == "nf4" else c.BYTES[weights_format]
    return packed * per_number + (shape.parameters - packed) * c.BYTES[dtype]


def vllm_adapter_buffers(shape: ModelShape, rank: int, dtype: str) -> float:
    """One slot for an adapter on every linear layer; vLLM makes room on embeddings and head too, used or not."""
    at_the_ends = 2 * rank * (shape.vocabulary + shape.hidden)
    return (shape.lora_parameters(rank) + at_the_ends) * c.BYTES[dtype]


def cuda_graphs(config: RunConfig) -> float:
    """Bytes of captured graphs: one for each of a row of batch sizes, up to `max_batch`."""
    if not config.vllm.cuda_graphs:
        return 0.0
    share = min(config.rollout.max_batch, c.CUDA_GRAPHS_MOST_SEQUENCES) / c.CUDA_GRAPHS_FULL_SEQUENCES
    return c.CUDA_GRAPHS_BASE + share * (c.CUDA_GRAPHS_FULL - c.CUDA_GRAPHS_BASE)


def vllm_working_memory(shape: ModelShape, config: RunConfig) -> float:
    """The larger of a forward pass over `max_batched_tokens` and the sampler on `max_batch` rows of logits."""
    width = c.BYTES[config.model.dtype]
    forward = config.vllm.max_batched_tokens * width * 3 * (shape.intermediate + shape.hidden)
    sampler = c.SAMPLER_LOGITS_COPIES * 4 * shape.vocabulary * config.rollout.max_batch
    return max(forward, sampler) + 2 * dequantised_weight(shape, vllm_format(config))


def vllm_parts(shape: ModelShape, config: RunConfig) -> list[Part]:
    """All of vLLM's but its context and its KV cache."""
    weights_format = vllm_format(config)
    working = vllm_working_memory(shape, config)
    return [
        Part(f"vLLM: weights ({weights_format})", vllm_weights(shape, weights_format, config.model.dtype)),
        Part("vLLM: adapter slot", vllm_adapter_buffers(shape, config.policy.lora_rank, config.model.dtype)),
        Part("vLLM: forward pass and sampler", working * (1 + c.ALLOCATOR_SLACK)),
        Part("vLLM: CUDA graphs", cuda_graphs(config)),
    ]


def vllm_asleep(shape: ModelShape, config: RunConfig) -> list[Part]:
    """What vLLM keeps on the GPU while the trainer works; its context is counted elsewhere."""
    kept = [Part("vLLM asleep: CUDA graphs, buffers", cuda_graphs(config) + c.VLLM_ASLEEP)]
    if config.vllm.sleep_level == 0:
        return [part for part in vllm_parts(shape, config)[:2] if part.bytes] + kept
    return kept


def host_bytes(shape: ModelShape, config: RunConfig) -> float:
    """Machine memory that holds vLLM's weights while it sleeps: at level 1 only."""
    if config.rollout.sampler != "vllm" or config.vllm.sleep_level != 1:
        return 0.0
    return vllm_weights(shape, vllm_format(config), config.model.dtype)


def transformers_parts(shape: ModelShape, config: RunConfig) -> list[Part]:
    """Our own decoder computes with the trainer's weights; a whole batch of logits at a time."""
    rows = config.rollout.max_batch * shape.vocabulary
    return [Part("logits of the decoded batch", c.TRANSFORMERS_LOGITS_COPIES * 4 * rows)]
