"""Activations of the update: the closed form against autograd's real allocations, on scaled-down models."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen3Config

from engine.config.schema import Precision
from engine.machine.memory_plan import calibration
from engine.machine.memory_plan.shape import shape_from_config
from engine.machine.memory_plan.update_phase import UpdateSetup, saved_activations, working_bytes
from engine.models.quiet import quiet_transformers
from engine.policy import attach_adapter
from engine.policy.adapter import base_of
from engine.policy.packed.attention import PACKED_ATTENTION, register
from engine.policy.packed.batching import Layout, MicroBatch, TokenSequence, build_micro_batch
from engine.policy.packed.logprobs import score_tokens
from engine.policy.packed.recompute import Recompute
from engine.policy.packed.token_scores import GPU_TILE, score_hidden
from tests.engine.peak_memory import PeakMemory

TOKENS = 384
RANK = 8
SIZES: dict[str, Any] = {
    "hidden_size": 192,
    "num_hidden_layers": 3,
    "intermediate_size": 640,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "vocab_size": 512,
}
CONFIGS = {
    "qwen3": Qwen3Config(**SIZES, head_dim=32, tie_word_embeddings=True),
    "qwen2": Qwen2Config(**SIZES, tie_word_embeddings=False),
}


def adapted_model(architecture: str, dtype: torch.dtype) -> PeftModel:
    with quiet_transformers():
        base = AutoModelForCausalLM.from_config(CONFIGS[architecture], dtype=dtype).requires_grad_(False)
    model = attach_adapter(base, rank=RANK, alpha=16)
    register()
    base_of(model).set_attn_implementation(PACKED_ATTENTION)
    return model


def micro_batch(dtype: torch.dtype) -> MicroBatch:
    """Build one answer to one prompt, TOKENS positions in all."""
    answer = tuple(i % 500 for i in range(TOKENS - 7))
    return build_micro_batch([TokenSequence((1, 2, 3, 4, 5, 6, 7, 8), answer)], (0,), Layout.SHARED_PROMPT, dtype)


def pass_of(model: PeftModel, checkpointing: bool) -> AbstractContextManager[None]:
    return Recompute(base_of(model)).trained_pass() if checkpointing else nullcontext()


def saved_bytes(model: PeftModel, dtype: torch.dtype) -> int:
    """Return the bytes that the graph of one micro-batch holds after the forward pass: each storage once.

    Parameters, indices and masks are left out: on a GPU the flash kernels need no masks.
    """
    batch = micro_batch(dtype)
    held = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    sizes: dict[int, int] = {}
    kept: list[torch.Tensor] = []  # a storage that were freed could lend its address to the next

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        is_mask = tensor.shape[-2:] == (TOKENS, TOKENS)
        if tensor.is_floating_point() and not is_mask and storage.data_ptr() not in held:
            sizes[storage.data_ptr()] = storage.nbytes()
            kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        score_tokens(model, batch).logprobs_a.sum()
    return sum(sizes.values())


@pytest.mark.slow
def test_the_planned_tile_of_logits_is_the_one_that_is_held() -> None:
    """The tile has the GPU's shape; of the plan's three tensors, the 16-bit copy exists on a GPU alone."""
    tokens, width, vocabulary = 2048, 32, 151_936
    hidden_ah, weight_vh = torch.randn(tokens, width, requires_grad=True), torch.randn(vocabulary, width)
    ids_a = torch.randint(vocabulary, (tokens,))
    with PeakMemory([hidden_ah, weight_vh, ids_a]) as memory:
        score_hidden(hidden_ah, weight_vh, ids_a, tile=GPU_TILE)
    in_fp32, in_16_bits = 2 * 4 * GPU_TILE.elements, 2 * GPU_TILE.elements
    assert 0.9 * in_fp32 < memory.peak < in_fp32
    assert in_fp32 + in_16_bits == calibration.LOGITS_TILE


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("architecture", ["qwen3", "qwen2"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_saved_activations_are_those_of_autograd(architecture: str, precision: Precision, checkpointing: bool) -> None:
    dtype = torch.float32 if precision == "fp32" else torch.bfloat16
    model = adapted_model(architecture, dtype)
    shape = shape_from_config(CONFIGS[architecture].to_dict())
    assert shape is not None
    planned = saved_activations(shape, UpdateSetup(precision, RANK, "adamw", checkpointing, TOKENS))
    with pass_of(model, checkpointing):
        assert planned == pytest.approx(saved_bytes(model, dtype), rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["qwen3", "qwen2"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_peak_of_the_backward_pass_is_planned_with_a_margin(
    architecture: str, checkpointing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "LOGITS_TILE", 0)  # a CPU's tile is another, and the head's moment is not this one
    model = adapted_model(architecture, torch.bfloat16)
    with pass_of(model, checkpointing), PeakMemory(model.parameters()) as memory:
        loss = score_tokens(model, micro_batch(torch.bfloat16)).logprobs_a.sum()
        memory.peak = 0
        loss.backward()
    gradients = sum(parameter.grad.nbytes for parameter in model.parameters() if parameter.grad is not None)
    setup = UpdateSetup("bf16", RANK, "adamw", checkpointing, TOKENS)
    shape = shape_from_config(CONFIGS[architecture].to_dict())
    assert shape is not None
    planned = saved_activations(shape, setup) + working_bytes(shape, setup)
    assert 1.0 <= planned / (memory.peak - gradients) <= 1.2
