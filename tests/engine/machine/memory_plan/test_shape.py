"""Shape of a model: exact parameter counts, from every source of the shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, PretrainedConfig, Qwen2Config, Qwen3Config

from engine.machine.memory_plan import read_shape, shape_of
from engine.machine.memory_plan.known_models import KNOWN_MODELS
from engine.machine.memory_plan.shape import shape_from_config

SMALL: dict[str, Any] = {
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "intermediate_size": 80,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
}
SMALL_CONFIGS = [
    Qwen3Config(**SMALL, head_dim=16, tie_word_embeddings=True),
    Qwen3Config(**SMALL, head_dim=8, attention_bias=True, tie_word_embeddings=False),
    Qwen2Config(**SMALL, tie_word_embeddings=False),
    LlamaConfig(**SMALL, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
]


def empty_model(config: PretrainedConfig) -> torch.nn.Module:
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize("config", SMALL_CONFIGS, ids=["qwen3", "qwen3-bias", "qwen2", "llama"])
def test_parameters_and_adapters_are_counted_as_transformers_and_peft_do(config: PretrainedConfig) -> None:
    shape = shape_from_config(config.to_dict())
    assert shape is not None
    model = empty_model(config)
    assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())
    adapted = get_peft_model(
        model, LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"), low_cpu_mem_usage=True
    )
    assert shape.lora_parameters(8) == adapted.get_nb_trainable_parameters()[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Qwen/Qwen3-4B", "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-14B-Instruct"])
def test_the_known_models_are_counted_at_full_size(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    values = dict(KNOWN_MODELS[name])
    kind = {"qwen2": Qwen2Config, "qwen3": Qwen3Config}[str(values.pop("model_type"))]
    model = empty_model(kind(**values))
    shape = shape_of(name)
    assert shape is not None
    assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())
    adapted = get_peft_model(
        model, LoraConfig(r=32, target_modules="all-linear", task_type="CAUSAL_LM"), low_cpu_mem_usage=True
    )
    assert shape.lora_parameters(32) == adapted.get_nb_trainable_parameters()[0]


def test_the_sizes_are_those_that_the_models_publish() -> None:
    published = {"Qwen/Qwen3-4B": 4_022_468_096, "Qwen/Qwen2.5-7B": 7_615_616_512, "Qwen/Qwen2.5-14B": 14_770_033_664}
    shapes = {name: shape_from_config(KNOWN_MODELS[name]) for name in published}
    assert {name: shape.parameters for name, shape in shapes.items() if shape} == published


def test_a_models_own_configuration_goes_before_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--Qwen--Qwen3-4B"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    shape = shape_of("Qwen/Qwen3-4B")
    assert shape is not None
    assert shape.layers == 36
    (snapshot / "config.json").write_text(json.dumps({**KNOWN_MODELS["Qwen/Qwen3-4B"], "num_hidden_layers": 12}))
    shape = shape_of("Qwen/Qwen3-4B")
    assert shape is not None
    assert shape.layers == 12


def test_the_embedded_model_has_a_shape() -> None:
    shape = shape_of("asset:nano")
    assert shape is not None
    assert 1e6 < shape.parameters < 5e6


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model_type": "mamba"}', '{"model_type": "qwen3"}'])
def test_what_is_no_such_decoder_has_no_shape(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    assert read_shape(path) is None
    assert read_shape(tmp_path / "none.json") is None
    assert shape_of(str(tmp_path)) is None
    assert shape_of("nobody/knows-this") is None


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, '{"model_type": "qwen3", "num_attention_heads": 1e999}', "9" * 5000],
    ids=lambda text: ascii(text[:20]),
)
def test_a_configuration_that_holds_nonsense_has_no_shape(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert read_shape(tmp_path / "config.json") is None
