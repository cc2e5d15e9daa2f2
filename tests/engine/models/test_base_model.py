"""Loading of a model: quiet, and every fault is one line with a remedy."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants as hub_constants
from safetensors.torch import load_file, save_file

from engine.errors import EnvironmentError_
from engine.models import base_model, load_base_model
from engine.policy import attach_adapter


def _fault(name: str | Path, **options: object) -> str:
    with pytest.raises(EnvironmentError_) as caught:
        load_base_model(str(name), **options)  # type: ignore[arg-type]
    line = str(caught.value)
    assert "\n" not in line
    assert caught.value.remedy
    return line


def test_a_folder_loads_quietly_in_the_precision_asked_for(
    model_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        base = load_base_model(str(model_folder), precision=precision)  # type: ignore[arg-type]
        assert {p.dtype for p in base.model.parameters()} == {dtype}
        assert not any(p.requires_grad for p in base.model.parameters())
        assert not base.model.training
    assert base.tokenizer.encode("w3 w4") == [3, 4]
    assert capfd.readouterr() == ("", "")


def test_adapters_sit_on_every_linear_layer_and_change_nothing_at_first(model_folder: Path) -> None:
    base = load_base_model(str(model_folder)).model
    ids = torch.tensor([[3, 8, 1]])
    before = base(ids).logits
    model = attach_adapter(base, rank=4, alpha=8)
    adapted = {name.split(".lora_A")[0].rsplit(".", 1)[1] for name, _ in model.named_parameters() if "lora_A" in name}
    assert adapted == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert torch.equal(model(ids).logits, before)


def test_adapters_depend_on_their_seed_alone(model_folder: Path) -> None:
    def drawn(seed: int) -> torch.Tensor:
        model = attach_adapter(load_base_model(str(model_folder)).model, 4, 8, seed)
        return torch.cat([p.flatten() for name, p in model.named_parameters() if "lora_A" in name])

    torch.manual_seed(1)
    first, state = drawn(7), torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(drawn(7), first)
    assert not torch.equal(drawn(8), first)
    torch.manual_seed(1)
    load_base_model(str(model_folder))
    attach_adapter(load_base_model(str(model_folder)).model, 4, 8, 0)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "does not exist" in _fault(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    assert "is not a folder" in _fault(tmp_path / "file")


@pytest.mark.parametrize("named", ["model-Q4_K_M.gguf", "."], ids=["file", "folder"])
def test_of_a_gguf_model_it_says_what_reads_it(named: str, tmp_path: Path) -> None:
    (tmp_path / "model-Q4_K_M.gguf").write_bytes(b"GGUF")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EnvironmentError_, match=r"which llama\.cpp reads") as refused:
        load_base_model(str(tmp_path / named))
    assert "llama-server -m" in refused.value.remedy
    assert "\n" not in str(refused.value)


def test_a_gguf_file_beside_safetensors_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    (tmp_path / "model.safetensors").touch()
    assert "has no config.json" in _fault(tmp_path)


def _drop(*patterns: str) -> Callable[[Path], None]:
    def drop(folder: Path) -> None:
        for pattern in patterns:
            for file in folder.glob(pattern):
                file.unlink()

    return drop


def _cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def _lose_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.0.self_attn.q_proj.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _resize_a_tensor(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"] = torch.ones(7)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _unknown_architecture(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "abacus"}')


def _lose_a_shard(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (_drop("config.json"), "has no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (_unknown_architecture, "abacus"),
        (_drop("*.safetensors"), "has no weights"),
        (_cut_weights, "model.safetensors cannot be read"),
        (_lose_a_tensor, "lack 1 tensors of the model, the first is model.layers.0.self_attn.q_proj.weight"),
        (_resize_a_tensor, "cannot be loaded"),
        (_lose_a_shard, "lacks 1 of 2 weight files, the first is model-2.safetensors"),
        (lambda folder: (folder / "model.safetensors.index.json").write_text("[]"), "has a broken"),
        (_drop("tokenizer*"), "has no tokenizer"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer in"),
        (_no_template, "has no chat template"),
    ],
)
def test_a_broken_folder_is_one_line(
    damage: Callable[[Path], None], fault: str, model_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(model_folder)
    assert fault in _fault(model_folder)
    assert capfd.readouterr().out == ""


def test_a_hub_name_without_network_says_so_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hub_constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(hub_constants, "HF_HUB_CACHE", str(tmp_path))
    assert "cannot be reached" in _fault("nobody/no-such-model")
    assert "not in the local cache" in _fault("nobody/no-such-model", allow_download=False)
    monkeypatch.setattr(hub_constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in _fault("nobody/no-such-model")


def test_a_name_that_is_no_hub_name_is_refused() -> None:
    assert "neither a folder nor a hub name" in _fault("no such model!")


def test_what_this_machine_cannot_do_is_refused(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_model, "find_spec", lambda name: None)
    said = _fault(model_folder, precision="nf4")
    assert said == "precision nf4 needs bitsandbytes (pip install 'bitsandbytes>=0.50,<0.51')"
    assert "not a device" in _fault(model_folder, device="abacus")
    if not torch.cuda.is_available():
        assert "no CUDA GPU" in _fault(model_folder, device="cuda")


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_a_model_is_never_run_and_never_asked_about(
    model_folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    settings = json.loads((model_folder / file).read_text())
    classes = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own", "AutoTokenizer": ["own.Own", "own.Own"]}
    settings |= {"auto_map": classes, "model_type": "unheard-of", "tokenizer_class": "Own"}
    (model_folder / file).write_text(json.dumps(settings))
    (model_folder / "own.py").write_text("print('own code')\nraise SystemExit(9)\n")
    if file == "config.json":
        assert "Python code of its own, which is never run" in _fault(model_folder)
    else:  # a tokenizer is loaded by the class that transformers has for its file
        load_base_model(str(model_folder))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "value"), [("num_hidden_layers", 10**9), ("num_attention_heads", 10**4), ("vocab_size", 10**9)]
)
def test_a_configuration_that_describes_far_more_than_the_weights_hold_is_refused(
    model_folder: Path, name: str, value: int
) -> None:
    config = json.loads((model_folder / "config.json").read_text())
    (model_folder / "config.json").write_text(json.dumps(config | {name: value}))
    assert "the weights hold" in _fault(model_folder)


@pytest.mark.timeout(180)
def test_what_a_configuration_makes_count_up_to_a_billion_is_refused(model_folder: Path) -> None:
    config = json.loads((model_folder / "config.json").read_text())
    (model_folder / "config.json").write_text(json.dumps(config | {"num_labels": 10**9}))
    assert "num_labels is 1e+09, at most 10000 can be used" in _fault(model_folder)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("size", "words"), [({"n_positions": 10**8}, "the weights hold"), ({"n_layer": 10**6}, "n_layer is 1e+06")]
)
def test_an_architecture_that_no_plan_can_read_is_compared_with_its_weights(
    model_folder: Path, size: dict[str, int], words: str
) -> None:
    gpt2 = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 4096, "n_head": 16, "vocab_size": 64}
    (model_folder / "config.json").write_text(json.dumps(gpt2 | {"n_layer": 1} | size))
    assert words in _fault(model_folder)


@pytest.mark.timeout(180)
def test_a_fifo_in_the_place_of_weights_is_refused(model_folder: Path) -> None:
    (model_folder / "model.safetensors").unlink()
    os.mkfifo(model_folder / "model.safetensors")
    assert "cannot be read" in _fault(model_folder)


def test_an_index_that_names_no_files_is_broken(model_folder: Path) -> None:
    (model_folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": 1}}')
    assert "broken" in _fault(model_folder)
