"""Log-probs and entropies in tiles: the numbers and gradients of a full softmax, in a fraction of its memory."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftModel
from transformers import AutoModelForCausalLM, Qwen2Config, Qwen3Config

from engine.models.quiet import quiet_transformers
from engine.policy import Layout, attach_adapter
from engine.policy.adapter import base_of
from engine.policy.packed.attention import PACKED_ATTENTION, register
from engine.policy.packed.batching import TokenSequence, build_micro_batch
from engine.policy.packed.layout_check import largest_difference
from engine.policy.packed.logprobs import score_tokens
from engine.policy.packed.token_scores import GPU_TILE, TileShape, score_hidden
from tests.engine.peak_memory import PeakMemory

QWEN_VOCABULARY = 151_936
Scores = tuple[torch.Tensor, torch.Tensor]


def plain_scores(
    hidden_ah: torch.Tensor, weight_vh: torch.Tensor, ids_a: torch.Tensor, temperature: float = 1.0
) -> Scores:
    """Compute log-probs and entropies by a full softmax."""
    logprobs_av = torch.log_softmax(hidden_ah.float() @ weight_vh.float().t() / temperature, dim=-1)
    return logprobs_av.gather(1, ids_a[:, None])[:, 0], -(logprobs_av.exp() * logprobs_av).sum(-1)


def with_gradient(score: Callable[[torch.Tensor], Scores], hidden_ah: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return log-probs, entropies, and the gradient of a weighted sum of the log-probs."""
    leaf = hidden_ah.detach().clone().requires_grad_()
    logprobs_a, entropy_a = score(leaf)
    (logprobs_a * torch.linspace(-1, 1, len(logprobs_a))).sum().backward()
    assert leaf.grad is not None
    return logprobs_a.detach(), entropy_a.detach(), leaf.grad


def relative(ours: torch.Tensor, plain: torch.Tensor) -> float:
    return float((ours.float() - plain.float()).norm() / plain.float().norm())


def made_up(tokens: int, width: int, vocabulary: int, spread: float = 1.0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(tokens * vocabulary)
    hidden_ah = torch.randn(tokens, width, generator=generator)
    weight_vh = torch.randn(vocabulary, width, generator=generator) * spread * width**-0.5
    return hidden_ah, weight_vh, torch.randint(vocabulary, (tokens,), generator=generator)


@given(st.integers(1, 9), st.integers(1, 300), st.integers(1, 4000), st.integers(1, 200), st.sampled_from([0.3, 1.0]))
@settings(max_examples=60, deadline=None)
def test_every_shape_of_tile_gives_the_full_softmax(
    tokens: int, vocabulary: int, elements: int, width: int, temperature: float
) -> None:
    hidden_ah, weight_vh, ids_a = made_up(tokens, 8, vocabulary, spread=3.0)
    tile = TileShape(elements, width)
    ours = with_gradient(lambda h: score_hidden(h, weight_vh, ids_a, temperature, tile), hidden_ah)
    plain = with_gradient(lambda h: plain_scores(h, weight_vh, ids_a, temperature), hidden_ah)
    for mine, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, other, atol=2e-4, rtol=1e-4)


def test_tiles_cover_a_vocabulary_once_and_keep_to_their_size() -> None:
    for vocabulary in (1, 63, 1024, QWEN_VOCABULARY, 152_064):
        ranges = GPU_TILE.ranges(vocabulary)
        assert all(before.stop == after.start for before, after in pairwise(ranges))
        assert (ranges[0].start, ranges[-1].stop) == (0, vocabulary)
        assert all(len(ids) * GPU_TILE.tokens(vocabulary) <= GPU_TILE.elements for ids in ranges)


@pytest.mark.parametrize("spread", [1.0, 8.0], ids=["unsure", "sure"])
def test_a_vocabulary_of_152_thousand_agrees_to_1e_4_in_values_and_gradient(spread: float) -> None:
    hidden_ah, weight_vh, ids_a = made_up(48, 64, QWEN_VOCABULARY, spread)
    ids_a[::2] = (hidden_ah @ weight_vh.t()).argmax(-1)[::2]  # as sampled: likely ones too
    ours = with_gradient(lambda h: score_hidden(h, weight_vh, ids_a), hidden_ah)
    plain = with_gradient(lambda h: plain_scores(h, weight_vh, ids_a), hidden_ah)
    for mine, other in zip(ours, plain, strict=True):
        assert relative(mine, other) < 1e-4


def test_bf16_weights_are_summed_in_fp32() -> None:
    hidden_ah, weight_vh, ids_a = (
        tensor.bfloat16() if tensor.is_floating_point() else tensor for tensor in made_up(16, 64, QWEN_VOCABULARY)
    )
    logprobs_a, entropy_a, gradient_ah = with_gradient(lambda h: score_hidden(h, weight_vh, ids_a), hidden_ah)
    plain = with_gradient(lambda h: plain_scores(h, weight_vh, ids_a), hidden_ah)
    assert (logprobs_a.dtype, entropy_a.dtype, gradient_ah.dtype) == (torch.float32, torch.float32, torch.bfloat16)
    assert relative(logprobs_a, plain[0]) < 1e-4
    assert relative(entropy_a, plain[1]) < 1e-4
    assert relative(gradient_ah, plain[2]) < 5e-3  # a bf16 gradient is good to 2^-9


def test_the_memory_is_that_of_a_few_tiles_and_not_of_tokens_times_vocabulary() -> None:
    hidden_ah, weight_vh, ids_a = made_up(256, 32, QWEN_VOCABULARY)

    def peak(score: Callable[[torch.Tensor], Scores]) -> int:
        with PeakMemory([hidden_ah, weight_vh, ids_a]) as memory:
            with_gradient(score, hidden_ah)
        return memory.peak

    logits = 256 * QWEN_VOCABULARY * 4
    assert peak(lambda h: plain_scores(h, weight_vh, ids_a)) > 2 * logits
    assert peak(lambda h: score_hidden(h, weight_vh, ids_a)) < 0.1 * logits


def qwen(architecture: str) -> PeftModel:
    """Build a narrow Qwen with the whole vocabulary and adapters that change its output."""
    sizes = {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "intermediate_size": 96,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": QWEN_VOCABULARY,
    }
    configs = {
        "qwen3": lambda: Qwen3Config(**sizes, head_dim=16, tie_word_embeddings=True),
        "qwen2": lambda: Qwen2Config(**sizes, tie_word_embeddings=False),
    }
    torch.manual_seed(2)
    with quiet_transformers():
        base = AutoModelForCausalLM.from_config(configs[architecture](), dtype=torch.float32).requires_grad_(False)
    for parameter in base.parameters():
        if parameter.dim() == 2:
            parameter.normal_(std=0.15)
    model = attach_adapter(base.eval(), rank=4, alpha=8)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.1)
    register()
    base_of(model).set_attn_implementation(PACKED_ATTENTION)
    return model


@pytest.mark.parametrize("architecture", ["qwen3", "qwen2"])
def test_packed_and_padded_rows_of_a_qwen_agree_with_its_plain_forward_pass(architecture: str) -> None:
    model = qwen(architecture)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(QWEN_VOCABULARY, (60,), generator=generator).tolist()
    sequences = [TokenSequence(tuple(ids[:9]), tuple(ids[a:b])) for a, b in ((9, 30), (30, 34), (34, 35))]
    sequences.append(TokenSequence(tuple(ids[35:40]), tuple(ids[40:60])))

    def gradients(logprobs_a: torch.Tensor) -> torch.Tensor:
        model.zero_grad()
        (logprobs_a * torch.linspace(-1, 1, len(logprobs_a))).sum().backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    parts = []
    for sequence in sequences:
        logits = model(input_ids=torch.tensor([sequence.prompt_ids + sequence.token_ids]), use_cache=False).logits
        logprobs_sv = torch.log_softmax(logits[0, len(sequence.prompt_ids) - 1 : -1], -1)
        parts.append(logprobs_sv.gather(1, torch.tensor(sequence.token_ids)[:, None])[:, 0])
    plain_a = torch.cat(parts)
    plain_gradient = gradients(plain_a)
    for layout in Layout:
        ours_a = score_tokens(model, build_micro_batch(sequences, (0, 1, 2, 3), layout)).logprobs_a
        assert relative(ours_a.detach(), plain_a.detach()) < 1e-4
        assert relative(gradients(ours_a), plain_gradient) < 1e-4
        assert largest_difference(model, layout) < 1e-3  # what the check at start-up looks at
