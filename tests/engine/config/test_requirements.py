"""What a preset needs and a machine lacks is said before anything loads."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.config import Gpu, Machine, RunConfig, load_preset, missing_for, probe_machine
from engine.config.requirements import training_memory_gb

CPU_ONLY = Machine(
    python="3.11.9",
    system="Linux",
    cores=2,
    memory_gb=8,
    free_memory_gb=6,
    disk_free_gb=100,
    gpus=(),
    libraries=(("torch", "2.13.0"), ("transformers", "5.19.0"), ("peft", "0.21.0")),
)
WORKSTATION = replace(
    CPU_ONLY,
    memory_gb=64,
    gpus=(Gpu("a card", 24, 23),),
    libraries=(*CPU_ONLY.libraries, ("vllm", "0.32.0"), ("bitsandbytes", "0.50.0")),
)


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).touch()
    return folder


def with_files(preset: str, folder: Path, *overrides: str) -> RunConfig:
    """The preset with tasks that exist."""
    files = []
    for split in ("train", "validation", "heldout"):
        (folder / f"{split}.jsonl").touch()
        files.append(f"data.{split}={folder / f'{split}.jsonl'}")
    return load_preset(preset, [*files, *overrides], folder)


def said(config: RunConfig, machine: Machine) -> list[str]:
    """What the machine lacks; what this version lacks is a matter of its own, see the test below."""
    lacks = [missing.what for missing in missing_for(config, machine)]
    return [what for what in lacks if not what.startswith("this version")]


def test_settings_that_no_code_acts_on_yet_are_refused_with_what_works_instead(tmp_path: Path) -> None:
    config = with_files("qwen2.5-7b", tmp_path)
    missing = [each for each in missing_for(config, WORKSTATION) if each.what.startswith("this version")]
    assert [each.what.split()[-2] for each in missing] == ["vLLM", "weights"]
    remedies = [each.remedy.removeprefix("set ").replace(" = ", "=") for each in missing]
    assert missing_for(with_files("qwen2.5-7b", tmp_path, *remedies), WORKSTATION) == ()


def test_nano_needs_no_gpu(model_folder: Path) -> None:
    assert said(with_files("nano", model_folder, f"model.source={model_folder}"), CPU_ONLY) == []


@pytest.mark.parametrize("preset", ["qwen3-4b", "qwen2.5-7b"])
def test_a_workstation_lacks_nothing(preset: str, tmp_path: Path) -> None:
    assert said(with_files(preset, tmp_path), WORKSTATION) == []


def test_a_machine_without_gpu_is_told_all_that_it_lacks(tmp_path: Path) -> None:
    found = said(with_files("qwen2.5-14b", tmp_path), CPU_ONLY)
    assert found == [
        "no CUDA GPU",
        "vllm is not installed",
        "bitsandbytes is not installed",
        "memory: at least 10 GiB needed, 8 GiB here",
    ]


def test_each_lack_has_a_remedy(tmp_path: Path) -> None:
    assert all(missing.remedy for missing in missing_for(load_preset("qwen2.5-14b", (), tmp_path), CPU_ONLY))


def test_a_card_too_small_is_refused(tmp_path: Path) -> None:
    small = replace(WORKSTATION, gpus=(Gpu("a small card", 8, 8),))
    assert said(with_files("qwen2.5-14b", tmp_path), small) == ["GPU memory: at least 10 GiB needed, 8 GiB here"]


def test_memory_grows_with_the_format(tmp_path: Path) -> None:
    nf4 = load_preset("qwen2.5-7b", (), tmp_path)
    bf16 = load_preset("qwen2.5-7b", ["policy.precision=bf16"], tmp_path)
    assert training_memory_gb(nf4) < 7 < 15 < training_memory_gb(bf16) < 18


def test_a_model_of_unknown_size_is_not_refused_for_memory(tmp_path: Path) -> None:
    assert training_memory_gb(load_preset("qwen2.5-7b", ["model.parameters_b=0"], tmp_path)) == 0


def test_a_model_folder_without_tokenizer_is_named(model_folder: Path) -> None:
    (model_folder / "tokenizer.json").unlink()
    config = with_files("nano", model_folder, f"model.source={model_folder}")
    assert said(config, CPU_ONLY) == [f"model folder {model_folder} has no tokenizer"]


def test_a_model_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = with_files("nano", tmp_path, "model.source=/no/such/model")
    assert said(config, CPU_ONLY) == ["no model folder /no/such/model"]


def test_an_asset_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = with_files("nano", tmp_path, "model.source=asset:no-such-model")
    assert said(config, CPU_ONLY) == ["this installation has no asset 'no-such-model'"]


def test_tasks_that_are_not_there_are_named(tmp_path: Path, model_folder: Path) -> None:
    overrides = [f"model.source={model_folder}", f"data.train={tmp_path / 'none.jsonl'}"]
    config = with_files("nano", tmp_path, *overrides)
    assert said(config, CPU_ONLY) == [f"no train tasks at {tmp_path / 'none.jsonl'}"]


def test_an_absent_hub_model_is_named_only_where_fetching_is_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    config = with_files("qwen3-4b", tmp_path)
    assert said(config, WORKSTATION) == []
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "is not on this machine" in said(config, WORKSTATION)[0]
    (tmp_path / "hub" / "models--Qwen--Qwen3-4B").mkdir(parents=True)
    assert said(config, WORKSTATION) == []


def test_this_machine_is_probed_without_loading_a_framework(tmp_path: Path) -> None:
    machine = probe_machine(tmp_path / "not" / "there")
    assert machine.cores >= 1
    assert 0 < machine.free_memory_gb <= machine.memory_gb
    assert machine.disk_free_gb > 0
    assert machine.version_of("torch")
    assert machine.version_of("no-such-library") is None
    assert "vllm" not in sys.modules
