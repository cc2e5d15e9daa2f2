"""Merging of adapter layers: which are merged, and restoring the base weights by pointer."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, get_peft_model

from engine.sampling.local.merged_adapters import MergedAdapters
from engine.sampling.local.model_scope import ModelScope


def logits_of(model) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.tensor([[5, 6, 7, 8]])).logits


def test_merged_weights_say_what_active_adapters_say(adapted):
    active = logits_of(adapted)
    projection = adapted.base_model.model.model.layers[0].self_attn.q_proj
    pointer = projection.base_layer.weight.data_ptr()
    merged = MergedAdapters(adapted)
    for _ in range(2):
        with merged:
            assert projection.merged
            assert projection.base_layer.weight.data_ptr() != pointer
            torch.testing.assert_close(logits_of(adapted), active, atol=1e-4, rtol=1e-4)
        assert not projection.merged
        assert projection.base_layer.weight.data_ptr() == pointer


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings")
def test_an_adapted_head_tied_to_the_embedding_stays_active(model):
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["lm_head", "q_proj"]))
    head = adapted.base_model.model.lm_head
    torch.nn.init.normal_(head.lora_B["default"].weight)
    active = logits_of(adapted.eval())
    with MergedAdapters(adapted):
        assert not head.merged
        assert adapted.base_model.model.model.layers[0].self_attn.q_proj.merged
        torch.testing.assert_close(logits_of(adapted), active, atol=1e-4, rtol=1e-4)


def test_a_dora_layer_stays_active(model):
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj"], use_dora=True)).eval()
    projection = adapted.base_model.model.model.layers[0].self_attn.q_proj
    torch.nn.init.normal_(projection.lora_B["default"].weight)
    active = logits_of(adapted)
    with MergedAdapters(adapted):
        assert not projection.merged
        assert torch.equal(logits_of(adapted), active)


def test_a_half_precision_weight_is_merged_in_single_precision(adapted):
    adapted.bfloat16()
    projection = adapted.base_model.model.model.layers[0].self_attn.q_proj
    delta = projection.get_delta_weight("default").float()
    expected = (projection.base_layer.weight.float() + delta).bfloat16()
    with MergedAdapters(adapted):
        assert torch.equal(projection.base_layer.weight, expected)


def test_sampling_leaves_torch_the_threads_it_had(adapted):
    before = torch.get_num_threads()
    with ModelScope(adapted, attention=None, merge=False, threads=before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
