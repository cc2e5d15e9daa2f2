"""Export of a run's policy: files that peft and transformers load, complete or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.errors import CureError, RunError
from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset
from engine.runs.checkpoints import Checkpoint, CheckpointStore, exported_checkpoint
from engine.runs.folder import RunFolder
from engine.train.export import export, main


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


def chosen(folder: RunFolder, wanted: str = "best") -> tuple[int, list[str]]:
    """Return the exported step and the message about it."""
    said: list[str] = []
    return exported_checkpoint(folder.checkpoints, said.append, wanted).step, said


def corrupt(folder: RunFolder, *steps: int) -> None:
    for step in steps:
        (folder.checkpoints / f"step-{step:06d}" / "weights").write_text("noise")


@pytest.mark.parametrize("mark", [None, 0])
def test_where_no_trained_step_was_best_the_last_checkpoint_is_exported_and_it_is_said(
    folder: RunFolder, mark: int | None
) -> None:
    store = save(folder, 0, 1, 2)
    if mark is not None:
        store.mark_best(mark)  # as earlier versions did by a tie, or before the first validation
    step, (said,) = chosen(folder)
    assert step == 2
    assert said.endswith("was found best by validation: using step-000002, the newest")


def test_the_wanted_step_is_exported(folder: RunFolder) -> None:
    save(folder, 0, 1, 2, 3).mark_best(1)
    assert [chosen(folder, wanted) for wanted in ("best", "last", "2")] == [(1, []), (3, []), (2, [])]
    step, (said,) = chosen(folder, "0")
    assert (step, said.endswith("is the model before training")) == (0, True)
    corrupt(folder, 2)
    for wanted, fault in (
        ("2", "corrupt"),
        ("7", "no checkpoint of step 7"),
        ("-1", "no step"),
        ("², best", "no step"),
    ):
        with pytest.raises(CureError, match=fault) as caught:
            chosen(folder, wanted)
        assert "it has those of steps 0, 1, 2, 3" in caught.value.remedy


def test_the_best_checkpoint_goes_before_the_last(folder: RunFolder) -> None:
    save(folder, 0, 1, 2).mark_best(1)
    assert chosen(folder) == (1, [])


def test_in_the_place_of_a_corrupt_best_goes_the_newest_trained_one_and_it_is_said(folder: RunFolder) -> None:
    save(folder, 0, 1, 2, 3).mark_best(1)
    corrupt(folder, 1)
    assert chosen(folder) == (3, ["step-000001 is corrupt; using step-000003, the newest whole checkpoint"])


def test_in_the_place_of_a_corrupt_latest_goes_the_one_before_and_it_is_said(folder: RunFolder) -> None:
    save(folder, 0, 1, 2)
    corrupt(folder, 2)
    assert chosen(folder) == (1, ["step-000002 is corrupt; using step-000001, the newest whole checkpoint"])


@pytest.mark.parametrize("mark", [b"", b"two", b"\xff\xfe"])
def test_a_corrupt_mark_of_the_best_is_said(folder: RunFolder, mark: bytes) -> None:
    save(folder, 0, 1, 2).mark_best(1)
    (folder.checkpoints / "best").write_bytes(mark)
    assert chosen(folder) == (2, ["best is corrupt; using step-000002, the newest whole checkpoint"])


def test_a_best_that_is_gone_is_said(folder: RunFolder) -> None:
    save(folder, 0, 1, 2).mark_best(1)
    shutil.rmtree(folder.checkpoints / "step-000001")
    assert chosen(folder) == (2, ["step-000001 is corrupt; using step-000002, the newest whole checkpoint"])


@pytest.mark.parametrize("whole", [(0,), ()])
@pytest.mark.parametrize("best", [0, 2])
def test_the_untrained_policy_never_replaces_a_corrupt_one(
    folder: RunFolder, whole: tuple[int, ...], best: int, capsys: pytest.CaptureFixture[str]
) -> None:
    save(folder, 0, 1, 2).mark_best(best)
    corrupt(folder, *({0, 1, 2} - set(whole)))
    target = folder.path / "out"
    assert main(["--run-dir", str(folder.path), "--adapter", str(target)]) == 6
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: no trained checkpoint of run")
    assert f"train it again: cure-tui --preset {folder.config}" in line
    assert load_preset(str(folder.config)).name == "nano"
    assert not target.exists()


@pytest.mark.parametrize("mark", [None, 0])
def test_an_untrained_policy_is_refused_unless_it_is_asked_for(
    folder: RunFolder, mark: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = save(folder, 0)
    if mark is not None:
        store.mark_best(mark)
    target = tmp_path / "out"
    assert main(["--run-dir", str(folder.path), "--adapter", str(target)]) == 6
    (line,) = capsys.readouterr().err.splitlines()
    assert "has no trained checkpoint: step 0 is the model before training (" in line
    assert "--step 0 takes step 0 all the same" in line
    assert not target.exists()
    assert chosen(folder, "0")[0] == 0


def test_a_checkpoint_that_has_learnt_nothing_is_said(folder: RunFolder) -> None:
    def save_after(step: int, samples: int) -> None:
        progress = json.dumps({"trained_samples": samples})
        store.save(step, lambda path: (path / "progress.json").write_text(progress) and None)

    store = save(folder, 0)
    save_after(3, 0)
    store.mark_best(3)
    assert chosen(folder) == (3, ["step-000003 is the model before training: no sample was trained up to it"])
    save_after(4, 9)
    assert chosen(folder, "4") == (4, [])


def test_a_folder_with_files_is_not_written_to(folder: RunFolder) -> None:
    save(folder, 1)
    with pytest.raises(RunError, match="not empty"):
        export(folder, exported_checkpoint(folder.checkpoints, print), folder.path, merged=False)


@pytest.mark.slow
def test_adapter_and_merged_model_give_the_policys_own_numbers(folder: RunFolder, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from engine.machine.resources import asset_path
    from engine.train.learners.local import load_policy

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


def test_a_folder_that_cannot_be_written_is_named_with_a_remedy(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "adapter"
    with pytest.raises(RunError, match=f"cannot write to {target}: not a directory .choose a writable folder"):
        export(folder, Checkpoint(0, tmp_path), target, merged=False)
