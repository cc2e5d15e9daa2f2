"""Merging of an adapter without peft: the same model as with peft."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from engine.errors import RunError
from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE
from engine.models.merged_lora import check_lora, merge_lora
from engine.policy.adapter import with_adapter
from engine.policy.checkpoint import merged_state_dict, save_adapter

MakeModel = Callable[..., PeftModel]
IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])


@pytest.fixture
def adapter(make_model: MakeModel, tmp_path: Path) -> Path:
    save_adapter(tmp_path / "adapter", make_model())
    return tmp_path / "adapter"


@pytest.fixture
def base(make_model: MakeModel) -> PreTrainedModel:
    """Return the model that the adapter was trained on."""
    return cast(PreTrainedModel, make_model(moved=False).unload())


@pytest.mark.parametrize("architecture", ["qwen3", "qwen2", "llama"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_gives_what_peft_gives(make_model: MakeModel, tmp_path: Path, architecture: str, dtype: torch.dtype) -> None:
    trained = make_model(architecture, dtype=dtype)
    save_adapter(tmp_path, trained)
    ours = make_model(architecture, moved=False, dtype=dtype).unload()
    before = ours(IDS).logits
    merge_lora(ours, tmp_path)
    assert not torch.equal(ours(IDS).logits, before)
    expected = merged_state_dict(trained)
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize("use", [merge_lora, check_lora])
def test_an_adapter_of_another_model_changes_nothing(
    make_model: MakeModel, adapter: Path, use: Callable[[PreTrainedModel, Path], None]
) -> None:
    other = make_model("qwen2", moved=False).unload()
    other.model.layers[1].mlp.down_proj = torch.nn.Linear(40, 32)
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(RunError, match=r"belongs to another model: .*down_proj does not fit"):
        use(other, adapter)
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"r": 0, "lora_alpha": 8}', "cannot be read"),
        ('{"r": 4}', "cannot be read"),
        ('{"r": 4, "lora_alpha": 8, "use_rslora": true}', "not a plain LoRA"),
        ('{"r": 4, "lora_alpha": 8, "alpha_pattern": {"q_proj": 16}}', "not a plain LoRA"),
    ],
)
def test_a_config_that_is_not_understood_is_refused(
    base: PreTrainedModel, adapter: Path, config: str | None, words: str
) -> None:
    if config is None:
        (adapter / ADAPTER_CONFIG_FILE).unlink()
    else:
        (adapter / ADAPTER_CONFIG_FILE).write_text(config)
    with pytest.raises(RunError, match=words):
        merge_lora(base, adapter)


@pytest.mark.parametrize("harm", ["missing", "cut", "half", "more", "ragged"])
def test_weights_that_are_not_understood_are_refused(base: PreTrainedModel, adapter: Path, harm: str) -> None:
    file = adapter / ADAPTER_FILE
    weights = load_file(file)
    first = next(name for name in weights if ".lora_A." in name)
    match harm:
        case "missing":
            file.unlink()
        case "cut":
            file.write_bytes(file.read_bytes()[:-7])
        case "half":
            del weights[first]
        case "more":
            weights[first.replace(".lora_A.weight", ".lora_magnitude_vector")] = torch.ones(32)
        case "ragged":
            weights[first] = torch.ones(5, 32)
    if harm in ("half", "more", "ragged"):
        save_file(weights, file)
    with pytest.raises(RunError, match=r"cannot be read|not a plain LoRA"):
        merge_lora(base, adapter)


def test_the_scale_is_alpha_by_rank(base: PreTrainedModel, adapter: Path) -> None:
    config = json.loads((adapter / ADAPTER_CONFIG_FILE).read_text())
    (adapter / ADAPTER_CONFIG_FILE).write_text(json.dumps({**config, "lora_alpha": 0.0}))
    before = base(IDS).logits
    merge_lora(base, adapter)
    assert torch.equal(base(IDS).logits, before)


@pytest.mark.parametrize("harm", ["NaN", "integers", "rank", "FIFO"])
@pytest.mark.timeout(180)
def test_weights_that_no_model_can_compute_with_are_refused(base: PreTrainedModel, adapter: Path, harm: str) -> None:
    file = adapter / ADAPTER_FILE
    weights = load_file(file)
    first = next(name for name in weights if ".lora_A." in name)
    match harm:
        case "NaN":
            weights[first][0, 0] = torch.nan
        case "integers":
            weights[first] = weights[first].int()
        case "rank":
            weights = {name: weight[:2] if ".lora_A." in name else weight[:, :2] for name, weight in weights.items()}
            weights = {name: weight.contiguous() for name, weight in weights.items()}
    file.unlink()
    if harm == "FIFO":
        os.mkfifo(file)
    else:
        save_file(weights, file)
    with pytest.raises(RunError, match=r"cannot be read|not a plain LoRA"):
        merge_lora(base, adapter)


@pytest.mark.parametrize("name", [ADAPTER_FILE, ADAPTER_CONFIG_FILE])
@pytest.mark.parametrize("use", [merge_lora, with_adapter])
def test_an_adapter_of_links_is_refused(base: PreTrainedModel, adapter: Path, tmp_path: Path, name: str, use) -> None:  # type: ignore[no-untyped-def]
    (adapter / name).rename(tmp_path / "elsewhere")
    (adapter / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=f"refused: {name} is a link"):
        use(base, adapter)


def test_of_an_adapters_configuration_rank_and_alpha_alone_are_used(
    make_model: MakeModel, base: PreTrainedModel, adapter: Path
) -> None:
    path = adapter / ADAPTER_CONFIG_FILE
    config = json.loads(path.read_text()) | {"target_modules": "(a+)+b", "task_type": ["x"], "corda_config": 3, "x": 1}
    path.write_text(json.dumps(config))
    expected = make_model()(IDS).logits
    torch.testing.assert_close(with_adapter(base, adapter)(IDS).logits, expected, atol=1e-4, rtol=0)
