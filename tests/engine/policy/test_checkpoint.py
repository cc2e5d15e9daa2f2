"""State of a policy on disk: resume is bit for bit, exports load elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from engine.errors import RunError
from engine.machine.model_folders import ADAPTER_FILE
from engine.models import load_base_model
from engine.policy import (
    Policy,
    TrainSample,
    UpdateReport,
    UpdateSeconds,
    attach_adapter,
)
from engine.policy.adapter import base_of
from engine.policy.checkpoint import TRAINER_FILE, base_mark
from tests.engine.policies import policy_with

MakePolicy = Callable[..., Policy]
MakeSamples = Callable[..., list[TrainSample]]
SETTINGS = {"schedule": "cosine", "warmup_steps": 1, "steps": 6, "mini_batches": 2, "micro_batch_tokens": 60}
NO_SECONDS = UpdateSeconds(0, 0, 0, 0, 0, 0)


def _metrics(report: UpdateReport) -> dict[str, object]:
    return asdict(replace(report, seconds=NO_SECONDS))


def test_a_resumed_policy_goes_on_bit_for_bit(
    tmp_path: Path, make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    steps = [make_samples(seed=seed) for seed in range(4)]
    straight = make_policy(**SETTINGS)
    expected = [_metrics(straight.update(samples)) for samples in steps]

    first = make_policy(**SETTINGS)
    for samples in steps[:2]:
        first.update(samples)
    first.save_state(tmp_path)
    drawn = torch.rand(3)
    second = make_policy(**SETTINGS)
    second.load_state(tmp_path)
    assert torch.equal(torch.rand(3), drawn)
    assert second.updates_done == 2
    assert [_metrics(second.update(samples)) for samples in steps[2:]] == expected[2:]
    for (name, ours), theirs in zip(straight.model.named_parameters(), second.model.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_whoever_holds_a_copy_of_the_weights_sees_that_they_moved(
    tmp_path: Path, make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy = make_policy()
    versions = [policy.weights_version]
    policy.update(make_samples())
    versions.append(policy.weights_version)
    policy.save_state(tmp_path)
    policy.load_state(tmp_path)
    versions.append(policy.weights_version)
    assert len(set(versions)) == 3


def test_saving_does_not_disturb_the_run(tmp_path: Path, make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    quiet, saved = make_policy(), make_policy()
    samples = make_samples()
    for policy in (quiet, saved):
        policy.update(samples)
    saved.save_state(tmp_path / "state")
    saved.export_merged(tmp_path / "merged")
    assert _metrics(quiet.update(samples)) == _metrics(saved.update(samples))


def test_an_exported_adapter_is_read_by_peft(
    tmp_path: Path, make_policy: MakePolicy, make_samples: MakeSamples, model_folder: Path
) -> None:
    policy = make_policy(moved=True)
    policy.export_adapter(tmp_path / "adapter")
    assert sorted(os.listdir(tmp_path / "adapter")) == ["adapter_config.json", "adapter_model.safetensors"]
    plain = AutoModelForCausalLM.from_pretrained(model_folder)
    read = PeftModel.from_pretrained(plain, tmp_path / "adapter")
    ids = torch.tensor([[5, 9, 60, 31, 2]])
    torch.testing.assert_close(read(ids).logits, policy.model(ids).logits, atol=1e-4, rtol=0)


def test_a_merged_model_gives_the_policys_logits_and_leaves_the_policy_alone(
    tmp_path: Path, make_policy: MakePolicy, tokenizer: PreTrainedTokenizerFast, model_folder: Path
) -> None:
    policy = make_policy(moved=True)
    ids = torch.tensor([[5, 9, 60, 31, 2]])
    expected = policy.model(ids).logits
    policy.export_merged(tmp_path / "merged")
    assert torch.equal(policy.model(ids).logits, expected)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    torch.testing.assert_close(merged(ids).logits, expected, atol=1e-4, rtol=0)
    assert not torch.allclose(AutoModelForCausalLM.from_pretrained(model_folder)(ids).logits, expected, atol=1e-2)
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").chat_template == tokenizer.chat_template
    assert "cure_packed" not in (tmp_path / "merged" / "config.json").read_text()
    load_base_model(str(tmp_path / "merged"))  # complete by our own standards


def test_a_checkpoint_of_another_rank_is_refused(
    tmp_path: Path, make_model: Callable[..., PeftModel], make_policy: MakePolicy
) -> None:
    make_policy().save_state(tmp_path)
    other = policy_with(make_model(rank=2), make_policy().tokenizer)
    with pytest.raises(RunError, match="does not fit this model"):
        other.load_state(tmp_path)


def test_a_checkpoint_of_another_base_model_is_refused_even_where_every_shape_fits(
    tmp_path: Path, make_model: Callable[..., PeftModel], make_policy: MakePolicy
) -> None:
    make_policy().save_state(tmp_path)
    twin = make_model(moved=True)
    with torch.no_grad():
        base_of(twin).model.norm.weight.mul_(1.1)
    before = [p.detach().clone() for p in twin.parameters()]
    other = policy_with(twin, make_policy().tokenizer)
    with pytest.raises(RunError, match="another base model") as caught:
        other.load_state(tmp_path)
    assert caught.value.remedy == "set model.source to the model of the run"
    assert all(torch.equal(old, new) for old, new in zip(before, twin.parameters(), strict=True))


def test_a_base_model_is_known_again_in_every_precision(model_folder: Path) -> None:
    marks = {
        base_mark(attach_adapter(load_base_model(str(model_folder), precision).model, 2, 4))
        for precision in ("fp32", "bf16", "nf4")
    }
    assert len(marks) == 1


@pytest.mark.parametrize("file", ["adapter_model.safetensors", "trainer_state.pt"])
@pytest.mark.parametrize("damage", ["missing", "cut", "empty"])
def test_a_damaged_checkpoint_is_one_clear_line_and_changes_nothing(
    file: str, damage: str, tmp_path: Path, make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    trained = make_policy()
    trained.update(make_samples())
    trained.save_state(tmp_path)
    target = tmp_path / file
    if damage == "missing":
        target.unlink()
    else:
        target.write_bytes(target.read_bytes()[: 100 if damage == "cut" else 0])
    policy = make_policy(moved=True)
    before = [p.detach().clone() for p in policy.model.parameters()]
    with pytest.raises(RunError, match="cannot be read") as caught:
        policy.load_state(tmp_path)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(old, new) for old, new in zip(before, policy.model.parameters(), strict=True))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("file", ["adapter_model.safetensors", "trainer_state.pt"])
@pytest.mark.parametrize("kind", ["link", "FIFO", "device", "folder", "foreign hard link", "huge", "folder as a link"])
def test_what_is_no_plain_file_of_a_checkpoint_is_refused(
    file: str, kind: str, tmp_path: Path, make_policy: MakePolicy
) -> None:
    saved = tmp_path / "step-000001"
    make_policy().save_state(saved)
    elsewhere = tmp_path / "elsewhere"
    (saved / file).rename(elsewhere)
    match kind:
        case "link":
            (saved / file).symlink_to(elsewhere)
        case "FIFO":
            os.mkfifo(saved / file)
        case "device":
            (saved / file).symlink_to("/dev/zero")
        case "folder":
            (saved / file).mkdir()
        case "foreign hard link":
            if os.geteuid():
                pytest.skip("giving a file away takes root")
            os.chown(elsewhere, 12_345, 12_345)
            (saved / file).hardlink_to(elsewhere)
        case "huge":
            elsewhere.rename(saved / file)
            os.truncate(saved / file, 1 << 40)
        case _:
            elsewhere.rename(saved / file)
            saved.rename(elsewhere)
            saved.symlink_to(elsewhere)
    policy = make_policy(moved=True)
    with pytest.raises(RunError, match="cannot be read") as caught:
        policy.load_state(saved)
    assert "\n" not in str(caught.value)
    assert ("refused" in str(caught.value)) or kind == "FIFO"


def test_a_copy_of_a_checkpoint_by_hard_links_of_ones_own_is_read(tmp_path: Path, make_policy: MakePolicy) -> None:
    make_policy().save_state(tmp_path / "one")
    (tmp_path / "two").mkdir()
    for path in (tmp_path / "one").iterdir():
        (tmp_path / "two" / path.name).hardlink_to(path)
    make_policy().load_state(tmp_path / "two")


def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path, make_policy: MakePolicy) -> None:
    policy = make_policy()
    policy.save_state(tmp_path)
    torch.save({"format": 99}, tmp_path / "trainer_state.pt")
    with pytest.raises(RunError, match="another version"):
        policy.load_state(tmp_path)


def test_a_folder_that_cannot_be_written_is_a_run_error(tmp_path: Path, make_policy: MakePolicy) -> None:
    (tmp_path / "file").touch()
    for write in (make_policy().save_state, make_policy().export_adapter, make_policy().export_merged):
        with pytest.raises(RunError, match="cannot write"):
            write(tmp_path / "file" / "folder")


def test_a_full_disk_is_a_run_error(tmp_path: Path, make_policy: MakePolicy) -> None:
    (tmp_path / "trainer_state.pt").symlink_to("/dev/full")
    with pytest.raises(RunError, match="cannot write"):
        make_policy().save_state(tmp_path)


def test_a_state_whose_names_are_no_texts_is_refused(tmp_path: Path, make_policy: MakePolicy) -> None:
    for name in ("format", "optimiser_kind", "base"):
        make_policy().save_state(tmp_path)
        state = torch.load(tmp_path / TRAINER_FILE, weights_only=True)
        torch.save(state | {name: torch.zeros(3)}, tmp_path / TRAINER_FILE)
        with pytest.raises(RunError):
            make_policy().load_state(tmp_path)


BROKEN: dict[str, Callable[[dict[str, Any]], object]] = {
    "no optimiser": lambda state: state.pop("optimiser"),
    "an optimiser that is a text": lambda state: state.update(optimiser="x"),
    "updates that are no number": lambda state: state.update(updates_done="3"),
    "a short random generator": lambda state: state.update(torch_rng=torch.zeros(3, dtype=torch.uint8)),
    "a random generator in no state": lambda state: state["torch_rng"].fill_(255),
    "random generators of GPUs that are none": lambda state: state.update(cuda_rng=torch.zeros(1 << 20)),
    "moments of another shape": lambda state: state["optimiser"]["state"][0].update(exp_avg=torch.zeros(3)),
    "moments that are infinite": lambda state: state["optimiser"]["state"][0]["exp_avg"].fill_(torch.inf),
    "moments of no parameter": lambda state: state["optimiser"]["state"].update({10**6: {}}),
}


@pytest.mark.parametrize("harm", BROKEN)
def test_a_state_that_would_end_the_next_update_is_refused_and_changes_nothing(
    tmp_path: Path, make_policy: MakePolicy, make_samples: MakeSamples, harm: str
) -> None:
    policy = make_policy()
    policy.update(make_samples())
    policy.save_state(tmp_path)
    state = torch.load(tmp_path / TRAINER_FILE, weights_only=True)
    BROKEN[harm](state)
    torch.save(state, tmp_path / TRAINER_FILE)
    fresh = make_policy()
    before = [parameter.detach().clone() for parameter in fresh.model.parameters()]
    with pytest.raises(RunError, match="trainer's state"):
        fresh.load_state(tmp_path)
    assert all(torch.equal(old, new) for old, new in zip(before, fresh.model.parameters(), strict=True))
    fresh.update(make_samples())


def test_adapters_without_finite_numbers_are_refused(tmp_path: Path, make_policy: MakePolicy) -> None:
    make_policy().save_state(tmp_path)
    weights = load_file(tmp_path / ADAPTER_FILE)
    next(iter(weights.values())).fill_(torch.nan)
    save_file(weights, tmp_path / ADAPTER_FILE)
    with pytest.raises(RunError, match="no finite numbers"):
        make_policy().load_state(tmp_path)
