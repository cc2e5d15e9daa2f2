"""A run's policy leaves as files that peft and transformers load, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import RunError
from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset
from engine.runs.checkpoints import CheckpointStore
from engine.runs.folder import RunFolder
from engine.train.export import export, exported_checkpoint, main


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", dump_toml(load_preset("nano", (), tmp_path)))


def save(folder: RunFolder, *steps: int) -> CheckpointStore:
    store = CheckpointStore(folder.checkpoints, keep=9)
    for step in steps:
        store.save(step, lambda path: (path / "weights").touch())
    return store


def test_a_run_without_checkpoint_is_refused(folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run-dir", str(folder.path), "--adapter", str(folder.path / "out")]) == 6
    assert "has no checkpoint yet" in capsys.readouterr().err


def test_the_last_checkpoint_is_exported(folder: RunFolder) -> None:
    save(folder, 1, 2)
    assert exported_checkpoint(folder).step == 2


def test_the_best_checkpoint_goes_before_the_last(folder: RunFolder) -> None:
    save(folder, 1, 2).mark_best(1)
    assert exported_checkpoint(folder).step == 1


def test_a_folder_with_files_is_not_written_to(folder: RunFolder) -> None:
    save(folder, 1)
    with pytest.raises(RunError, match="not empty"):
        export(folder, exported_checkpoint(folder), folder.path, merged=False)


@pytest.mark.slow
def test_adapter_and_merged_model_give_the_policys_own_numbers(folder: RunFolder, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from engine.machine.resources import asset_path
    from engine.train.assembly import load_policy

    policy, _ = load_policy(load_config(folder.config))
    with torch.no_grad():  # fresh adapters change nothing: give them something to say
        for name, weight in policy.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.05)
    CheckpointStore(folder.checkpoints).save(1, policy.save_state)
    for form in ("adapter", "merged"):
        assert main(["--run-dir", str(folder.path), f"--{form}", str(tmp_path / form)]) == 0

    base = AutoModelForCausalLM.from_pretrained(asset_path("nano"), dtype=torch.float32)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    ids = AutoTokenizer.from_pretrained(tmp_path / "merged")("Code: print the sum", return_tensors="pt").input_ids
    with torch.no_grad():
        untrained = base(ids).logits
        adapted = PeftModel.from_pretrained(base, tmp_path / "adapter")(ids).logits
        own = policy.model(ids).logits
        assert not torch.allclose(untrained, own, atol=1e-2)
        torch.testing.assert_close(adapted, own, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(merged(ids).logits, own, atol=1e-4, rtol=1e-4)
