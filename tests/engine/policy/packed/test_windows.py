"""Models whose layers see a window of the sequence: packed rows give their own log-probs, and the probe exceeds it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    Qwen2Config,
)

from engine.errors import EnvironmentError_
from engine.policy import Layout, attach_adapter
from engine.policy.adapter import base_of
from engine.policy.packed.attention import PACKED_ATTENTION, register
from engine.policy.packed.batching import TokenSequence, build_micro_batch
from engine.policy.packed.layout_check import choose_layout, length_to_probe
from engine.policy.packed.logprobs import score_tokens
from tests.engine import tiny_models

SIZES: dict[str, Any] = tiny_models.SIZES
WINDOW = 32
LAYERS = ["sliding_attention", "full_attention"]
CONFIGS = {
    "gemma3": Gemma3TextConfig(**SIZES, sliding_window=WINDOW, layer_types=LAYERS, pad_token_id=0),
    "mistral": MistralConfig(**SIZES, sliding_window=WINDOW),
    "qwen2": Qwen2Config(
        **{name: size for name, size in SIZES.items() if name != "head_dim"},
        use_sliding_window=True,
        sliding_window=WINDOW,
        layer_types=LAYERS,
    ),
}
DYNAMIC = LlamaConfig(
    **SIZES, max_position_embeddings=64, rope_parameters={"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4}
)


def policy_model(config: PretrainedConfig) -> PeftModel:
    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_config(config)
    for parameter in base.parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(std=0.2)
    model = attach_adapter(base.requires_grad_(False).eval(), rank=4, alpha=8)
    register()
    base_of(model).set_attn_implementation(PACKED_ATTENTION)
    return model


def sequences_of(length: int) -> list[TokenSequence]:
    """Return answers whose sequences have `length` tokens: a long prompt, a short one, and short sequences beside."""
    ids = tuple((7919 * at + 11) % SIZES["vocab_size"] for at in range(length))
    cut = length * 3 // 4
    return [
        TokenSequence(ids[:cut], ids[cut:]),
        TokenSequence(ids[:cut], ids[cut:][::-1]),
        TokenSequence(ids[:3], ids[3:]),
        TokenSequence(ids[:3], ids[3:9]),
    ]


@pytest.mark.parametrize("architecture", CONFIGS)
@pytest.mark.parametrize("times", [0.5, 1, 1.5, 3])
def test_packed_log_probs_equal_padded_and_plain_ones_below_and_beyond_the_window(
    architecture: str, times: float
) -> None:
    model, sequences = policy_model(CONFIGS[architecture]), sequences_of(round(times * WINDOW))
    with torch.no_grad():
        packed, padded = (
            score_tokens(model, build_micro_batch(sequences, tuple(range(len(sequences))), layout)).logprobs_a
            for layout in (Layout.SHARED_PROMPT, Layout.PADDED)
        )
        plain = []
        for sequence in sequences:
            row = torch.tensor([sequence.prompt_ids + sequence.token_ids])
            logits = base_of(model)(input_ids=row, use_cache=False).logits[0, len(sequence.prompt_ids) - 1 : -1]
            plain.append(logits.log_softmax(-1).gather(1, torch.tensor(sequence.token_ids)[:, None])[:, 0])
    torch.testing.assert_close(packed, padded, atol=1e-5, rtol=0)
    torch.testing.assert_close(packed, torch.cat(plain), atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", CONFIGS)
def test_models_with_windows_train_in_packed_rows_after_a_probe_beyond_the_window(architecture: str) -> None:
    assert length_to_probe(CONFIGS[architecture], 4096) == WINDOW
    assert choose_layout(policy_model(CONFIGS[architecture]), 4096).layout is Layout.SHARED_PROMPT


def test_a_window_that_no_sequence_exceeds_is_not_probed() -> None:
    assert length_to_probe(CONFIGS["mistral"], WINDOW) == 0
    assert length_to_probe(LlamaConfig(**SIZES), 1 << 20) == 0


def test_an_attention_that_drops_the_window_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.policy.packed.tiled_attention import AttentionTile

    model = policy_model(CONFIGS["mistral"])
    monkeypatch.setattr(AttentionTile, "mask_within", lambda self, window: self.mask)
    choice = choose_layout(model, 4096)
    assert choice.layout is Layout.PADDED
    assert "training mistral in padded rows" in choice.note


def test_a_model_whose_positions_depend_on_the_longest_sequence_of_a_batch_is_refused_beyond_that_length() -> None:
    with pytest.raises(EnvironmentError_) as refused:
        choose_layout(policy_model(DYNAMIC), 4096)
    assert refused.value.remedy == "set policy.micro_batch_tokens to at most 64, and shorter answers"
    assert choose_layout(policy_model(DYNAMIC), 64).layout is Layout.SHARED_PROMPT
