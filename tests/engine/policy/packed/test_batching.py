"""Micro-batches: packed and padded rows give the model's own log-probs and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, PeftModel, get_peft_model

from engine.errors import EnvironmentError_
from engine.policy import Layout, TrainSample
from engine.policy.adapter import base_of
from engine.policy.packed import layout_check, token_scores
from engine.policy.packed.attention import PACKED_ATTENTION, register
from engine.policy.packed.batching import TokenSequence, build_micro_batch, plan_micro_batches
from engine.policy.packed.layout_check import choose_layout, largest_difference
from engine.policy.packed.logprobs import score_tokens
from engine.policy.packed.lora_linear import FusedLoraLinear
from engine.policy.packed.token_scores import TileShape

MakeModel = Callable[..., PeftModel]
MakeSamples = Callable[..., list[TrainSample]]


def _sequences(make_samples: MakeSamples) -> list[TokenSequence]:
    return [TokenSequence(sample.prompt_ids, sample.token_ids) for sample in make_samples()]


def _plain_logprobs(model: PeftModel, sequences: Sequence[TokenSequence], temperature: float = 1.0) -> torch.Tensor:
    """Compute log-probs one sequence at a time, by the model's own forward pass and a full softmax."""
    parts = []
    for sequence in sequences:
        logits = model(input_ids=torch.tensor([sequence.prompt_ids + sequence.token_ids]), use_cache=False).logits
        logits_sv = logits[0, len(sequence.prompt_ids) - 1 : -1] / temperature
        parts.append(torch.log_softmax(logits_sv, -1).gather(1, torch.tensor(sequence.token_ids)[:, None])[:, 0])
    return torch.cat(parts)


def _gradients(model: PeftModel, logprobs_a: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    (logprobs_a * torch.linspace(-1, 1, len(logprobs_a))).sum().backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def _use_packed(model: PeftModel) -> PeftModel:
    register()
    base_of(model).set_attn_implementation(PACKED_ATTENTION)
    return model


@pytest.mark.parametrize("architecture", ["qwen3", "qwen2", "llama"])
@pytest.mark.parametrize("layout", list(Layout))
def test_log_probs_and_gradients_equal_those_of_the_plain_forward_pass(
    architecture: str, layout: Layout, make_model: MakeModel, make_samples: MakeSamples
) -> None:
    model, sequences = make_model(architecture), _sequences(make_samples)
    plain = _plain_logprobs(model, sequences)
    plain_gradients = _gradients(model, plain)
    batch = build_micro_batch(sequences, tuple(range(len(sequences))), layout)
    ours = score_tokens(_use_packed(model), batch).logprobs_a
    torch.testing.assert_close(ours, plain, atol=1e-4, rtol=0)
    for name, gradient in _gradients(model, ours).items():
        torch.testing.assert_close(gradient, plain_gradients[name], atol=1e-4, rtol=1e-4, msg=name)
    assert len(plain_gradients) == 2 * 2 * 7  # A and B of seven linear layers in two blocks


def test_a_plain_forward_pass_is_the_same_under_the_packed_attention(
    make_model: MakeModel, make_samples: MakeSamples
) -> None:
    model, sequences = make_model(), _sequences(make_samples)
    before = _plain_logprobs(model, sequences)
    torch.testing.assert_close(_plain_logprobs(_use_packed(model), sequences), before, atol=0, rtol=0)


def test_the_head_in_tiles_with_a_temperature_equals_a_full_softmax(
    make_model: MakeModel, make_samples: MakeSamples
) -> None:
    model, sequences = make_model(), _sequences(make_samples)
    plain = _plain_logprobs(model, sequences, temperature=0.7)
    plain_gradients = _gradients(model, plain)
    batch = build_micro_batch(sequences, tuple(range(len(sequences))))
    with patch.object(token_scores, "CPU_TILE", TileShape(elements=320, vocabulary=64)):  # 5 tokens x 64 of 96
        ours = score_tokens(_use_packed(model), batch, temperature=0.7).logprobs_a
        gradients = _gradients(model, ours)
    torch.testing.assert_close(ours, plain, atol=1e-4, rtol=0)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, plain_gradients[name], atol=1e-4, rtol=1e-4, msg=name)


def test_entropy_is_that_of_the_next_token_distribution(make_model: MakeModel, make_samples: MakeSamples) -> None:
    model, sequence = make_model(), _sequences(make_samples)[0]
    logits = model(input_ids=torch.tensor([sequence.prompt_ids + sequence.token_ids])).logits
    expected = torch.distributions.Categorical(logits=logits[0, len(sequence.prompt_ids) - 1 : -1]).entropy()
    entropy = score_tokens(_use_packed(model), build_micro_batch([sequence], (0,))).entropy_a
    torch.testing.assert_close(entropy, expected, atol=1e-4, rtol=0)


def test_the_fused_lora_layer_equals_pefts(make_model: MakeModel, make_samples: MakeSamples) -> None:
    fused, sequences = make_model("qwen2"), _sequences(make_samples)  # qwen2 has biases
    base = base_of(make_model("qwen2", moved=False)).__class__(base_of(fused).config).requires_grad_(False)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    plain = get_peft_model(base, config)
    plain.load_state_dict(fused.state_dict())
    assert any(isinstance(module, FusedLoraLinear) for module in fused.modules())
    assert not any(isinstance(module, FusedLoraLinear) for module in plain.modules())
    expected = _plain_logprobs(plain, sequences)
    expected_gradients = _gradients(plain, expected)
    ours = _plain_logprobs(fused, sequences)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    for name, gradient in _gradients(fused, ours).items():
        torch.testing.assert_close(gradient, expected_gradients[name], atol=1e-5, rtol=1e-4, msg=name)


def test_bf16_weights_keep_fp32_adapters_and_gradients(make_model: MakeModel, make_samples: MakeSamples) -> None:
    sequences = _sequences(make_samples)
    model = _use_packed(make_model(dtype=torch.bfloat16))
    batch = build_micro_batch(sequences, tuple(range(len(sequences))), dtype=torch.bfloat16)
    ours = score_tokens(model, batch).logprobs_a
    assert ours.dtype == torch.float32
    assert {gradient.dtype for gradient in _gradients(model, ours).values()} == {torch.float32}
    precise = score_tokens(_use_packed(make_model()), build_micro_batch(sequences, batch.members)).logprobs_a
    assert float((ours - precise).detach().abs().mean()) < 0.2


def test_a_prompt_is_computed_once_for_all_of_its_answers() -> None:
    sequences = [
        TokenSequence((1, 2, 3), (4, 5)),
        TokenSequence((1, 2, 3), (6,)),
        TokenSequence((1, 2, 3), (7, 8, 9)),
    ]
    batch = build_micro_batch(sequences, (0, 1, 2))
    assert batch.input_ids.tolist() == [[1, 2, 3, 4, 7, 8]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 3, 4]]
    assert batch.predictor_index.tolist() == [2, 3, 2, 2, 4, 5]
    assert batch.target_ids.tolist() == [4, 5, 6, 7, 8, 9]


_sequence_lists = st.lists(
    st.builds(
        TokenSequence,
        st.sampled_from([(1,), (1, 2, 3), tuple(range(9))]),
        st.integers(1, 30).map(lambda length: tuple(range(length))),
    ),
    max_size=20,
)


@given(_sequence_lists, st.integers(1, 60), st.sampled_from(list(Layout)))
@settings(max_examples=60, deadline=None)
def test_a_plan_holds_every_sequence_once_and_keeps_to_the_budget(
    sequences: list[TokenSequence], budget: int, layout: Layout
) -> None:
    plan = plan_micro_batches(sequences, budget, layout)
    assert sorted(i for members in plan for i in members) == list(range(len(sequences)))
    for members in plan:
        batch = build_micro_batch(sequences, members, layout)
        assert batch.input_ids.numel() <= budget or len(members) == 1


def test_the_longest_sequence_comes_first_and_a_group_stays_together() -> None:
    sequences = [TokenSequence((1, 2), (3,) * n) for n in (3, 9, 5)] + [
        TokenSequence((5, 6), (3,) * n) for n in (8, 30)
    ]
    assert plan_micro_batches(sequences, token_budget=40) == [(4, 3), (1, 2, 0)]


def test_an_architecture_that_drops_the_packing_is_trained_in_padded_rows_with_a_note(
    make_model: MakeModel,
) -> None:
    model = make_model()  # plain SDPA: it ignores the packing
    assert largest_difference(model, Layout.SHARED_PROMPT) > 1e-2
    choice = choose_layout(model, 4096)
    assert choice.layout is Layout.PADDED
    assert "training qwen3 in padded rows" in choice.note


def test_a_model_whose_head_is_not_linear_is_refused(make_model: MakeModel) -> None:
    with (
        patch.object(layout_check, "_plain_logprobs", lambda _, sequence: torch.zeros(len(sequence.token_ids))),
        pytest.raises(EnvironmentError_, match="cannot be trained"),
    ):
        choose_layout(_use_packed(make_model()), 4096)
