"""Memory of sampling: vLLM beside an idle trainer, or the decoder of engine.sampling.local on its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.machine.memory_plan import calibration as c
from engine.machine.memory_plan.parts import Part
from engine.machine.memory_plan.shape import ModelShape
from engine.machine.memory_plan.update_phase import dequantised_weight, saved_per_token_of_a_layer

if TYPE_CHECKING:
    from engine.config.schema import RunConfig


def vllm_format(config: RunConfig) -> str:
    """Return the format of vLLM's base weights: fp32, bf16, fp16, fp8 or nf4."""
    return config.model.dtype if config.vllm.precision == "dtype" else config.vllm.precision


def kv_cache_format(config: RunConfig) -> str:
    """Return the format of the keys and values that the sampler keeps."""
    fp8 = config.rollout.sampler == "vllm" and config.vllm.kv_cache_dtype == "fp8"
    return "fp8" if fp8 else config.model.dtype


def vllm_weights(shape: ModelShape, weights_format: str, dtype: str) -> float:
    """Return the bytes of vLLM's weights. NF4 and fp8 apply to linear layers; the rest, untied head too, is `dtype`."""
    packed = shape.linear_parameters
    per_number = c.NF4_SAMPLER_BYTES if weights_format == "nf4" else c.BYTES[weights_format]
    return packed * per_number + (shape.parameters - packed) * c.BYTES[dtype]


def vllm_adapter_buffers(shape: ModelShape, rank: int, dtype: str) -> float:
    """Return the bytes of one adapter slot. vLLM reserves it on embeddings and head too, whether used or not."""
    at_the_ends = 2 * rank * (shape.vocabulary + shape.hidden)
    return (shape.lora_parameters(rank) + at_the_ends) * c.BYTES[dtype]


def cuda_graphs(config: RunConfig) -> float:
    """Return the bytes of the CUDA graphs that vLLM captures for a series of batch sizes up to `max_batch`."""
    if not config.vllm.cuda_graphs:
        return 0.0
    share = min(config.rollout.max_batch, c.CUDA_GRAPHS_MOST_SEQUENCES) / c.CUDA_GRAPHS_FULL_SEQUENCES
    return c.CUDA_GRAPHS_BASE + share * (c.CUDA_GRAPHS_FULL - c.CUDA_GRAPHS_BASE)


def vllm_working_memory(shape: ModelShape, config: RunConfig) -> float:
    """Return the larger of a forward pass over `max_batched_tokens` and sampling from `max_batch` rows of logits."""
    width = c.BYTES[config.model.dtype]
    forward = config.vllm.max_batched_tokens * width * 3 * (shape.intermediate + shape.hidden)
    sampler = c.SAMPLER_LOGITS_COPIES * 4 * shape.vocabulary * config.rollout.max_batch
    return max(forward, sampler) + 2 * dequantised_weight(shape, vllm_format(config))


def vllm_parts(shape: ModelShape, config: RunConfig) -> list[Part]:
    """Return all parts of vLLM except its context and its KV cache."""
    weights_format = vllm_format(config)
    working = vllm_working_memory(shape, config)
    return [
        Part(f"vLLM: weights ({weights_format})", vllm_weights(shape, weights_format, config.model.dtype)),
        Part("vLLM: adapter slot", vllm_adapter_buffers(shape, config.policy.lora_rank, config.model.dtype)),
        Part("vLLM: forward pass and sampler", working * (1 + c.ALLOCATOR_SLACK)),
        Part("vLLM: CUDA graphs", cuda_graphs(config)),
    ]


def vllm_asleep(shape: ModelShape, config: RunConfig) -> list[Part]:
    """Return the parts that vLLM keeps on the GPU during an update, without its context."""
    kept = [Part("vLLM asleep: CUDA graphs, buffers", cuda_graphs(config) + c.VLLM_ASLEEP)]
    if config.vllm.sleep_level == 0:
        return [part for part in vllm_parts(shape, config)[:2] if part.bytes] + kept
    return kept


def canary_part(shape: ModelShape, config: RunConfig) -> Part:
    """Return the trainer's forward pass over one prompt, by which vLLM's log-probs are checked while it is awake."""
    policy = config.policy
    layer = saved_per_token_of_a_layer(shape, policy.lora_rank, 4 if policy.precision == "fp32" else 2, repeats_kv=True)
    size = c.PROMPT_TOKENS * layer + c.LOGITS_TILE + dequantised_weight(shape, policy.precision)
    return Part("canary: the trainer's pass over one prompt", size)


def transformers_parts(shape: ModelShape, config: RunConfig) -> list[Part]:
    """Return the parts of the local decoder, which uses the trainer's weights: the logits of a whole batch."""
    rows = config.rollout.max_batch * shape.vocabulary
    return [Part("logits of the decoded batch", c.TRANSFORMERS_LOGITS_COPIES * 4 * rows)]
