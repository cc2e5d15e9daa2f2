"""Environment of the processes that hold a model: what torch makes of it in a child is what counts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.machine.process_environment import model_environment
from engine.sampling.vllm import VllmSettings
from engine.sampling.vllm.process import environment
from tests.engine.machine.nvml_cards import DESKTOP, WORKER, with_cards

PINNED = "pinned_max_round_threshold_mb:1"
GPU = {
    "model": Path("m"), "dtype": "bf16", "stop_ids": (1,), "max_model_len": 900, "lora_rank": 32, "device": "cuda",
}  # fmt: skip

_TELL = """
import json, os, torch
names = ("CUDA_VISIBLE_DEVICES", "PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF", "HF_HOME")
print(json.dumps([torch._C._accelerator_getAllocatorSettings(), {name: os.environ.get(name) for name in names}]))
"""


def in_a_child(variables: dict[str, str], code: str = _TELL) -> tuple[str, dict[str, str]]:
    """Return torch's allocator settings in a child with these variables, and the variables that it sees."""
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    settings, seen = json.loads(done.stdout)
    return settings, seen


def base(**variables: str) -> dict[str, str]:
    return with_cards(DESKTOP, WORKER, **variables)


@pytest.mark.parametrize(
    ("older", "newer", "expandable", "settings"),
    [
        ("", "", True, f"{PINNED},expandable_segments:True"),
        ("", "", None, PINNED),
        ("max_split_size_mb:64", "", True, f"{PINNED},expandable_segments:True,max_split_size_mb:64"),
        ("", "max_split_size_mb:64", None, f"{PINNED},max_split_size_mb:64"),
        ("max_split_size_mb:64", "garbage_collection_threshold:0.6,max_split_size_mb:99", False,
         f"{PINNED},garbage_collection_threshold:0.6,max_split_size_mb:64"),
        ("", "expandable_segments:False", True, f"{PINNED},expandable_segments:False"),
        ("expandable_segments:True,max_split_size_mb:64", "", None, f"{PINNED},max_split_size_mb:64"),
        ("expandable_segments:True", "", False, f"{PINNED},expandable_segments:True"),
        ("", "pinned_max_round_threshold_mb:256", True, "pinned_max_round_threshold_mb:256,expandable_segments:True"),
        ("", "backend:cudaMallocAsync", True, f"{PINNED},backend:cudaMallocAsync"),
        (" roundup_power2_divisions:[256:1,512:2,>:4] , max_split_size_mb:64 ", "", None,
         f"{PINNED},roundup_power2_divisions:[256:1,512:2,>:4],max_split_size_mb:64"),
    ],
)  # fmt: skip
def test_torch_gets_the_users_options_and_ours_in_one_variable(
    older: str, newer: str, expandable: bool | None, settings: str
) -> None:
    given = {"PYTORCH_CUDA_ALLOC_CONF": older, "PYTORCH_ALLOC_CONF": newer}
    inherited = base(HF_HOME="/models", **{name: value for name, value in given.items() if value})
    found, seen = in_a_child(model_environment(inherited, None, expandable=expandable))
    assert found == settings
    assert seen["PYTORCH_CUDA_ALLOC_CONF"] is None  # torch would follow it, and ignore the other one
    assert seen["HF_HOME"] == "/models"


def test_where_the_user_sets_both_variables_torch_itself_follows_the_older_one() -> None:
    both = base(PYTORCH_CUDA_ALLOC_CONF="max_split_size_mb:64", PYTORCH_ALLOC_CONF="max_split_size_mb:99")
    assert in_a_child(both)[0] == "max_split_size_mb:64"


_CLAIM = "from engine.machine.process_environment import claim_card; claim_card()"


def test_a_trainer_claims_card_and_allocator_before_torch_starts() -> None:
    settings, seen = in_a_child(base(PYTORCH_CUDA_ALLOC_CONF="max_split_size_mb:64"), _CLAIM + _TELL)
    assert settings == f"{PINNED},expandable_segments:True,max_split_size_mb:64"
    assert seen["CUDA_VISIBLE_DEVICES"] == WORKER["uuid"]
    assert seen["PYTORCH_CUDA_ALLOC_CONF"] is None
    assert in_a_child(with_cards(), _CLAIM + _TELL) == ("", dict.fromkeys(seen))  # no card: nothing is touched


@pytest.mark.parametrize("chosen", ["", "own/folder"])
def test_torch_loads_compiled_code_from_a_folder_of_this_user_alone(tmp_path: Path, chosen: str) -> None:
    # by default it is /tmp/torchinductor_NAME, which anyone may have made, with anything in it
    code = f"{_CLAIM}; from torch._inductor.runtime.cache_dir_utils import cache_dir; print(cache_dir())"
    given = {"XDG_CACHE_HOME": str(tmp_path)} | ({"TORCHINDUCTOR_CACHE_DIR": chosen} if chosen else {})
    inherited = {name: value for name, value in os.environ.items() if name != "TORCHINDUCTOR_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=inherited | given, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(tmp_path / (chosen or "cure-tui/compiled"))


_WORKER = """
from pathlib import Path
from engine.machine.process_environment import own_cards
from engine.sampling.vllm import VllmSettings
from engine.sampling.vllm.process import environment
import os, subprocess, sys
card = own_cards().{card}
settings = VllmSettings(model=Path("m"), dtype="bf16", stop_ids=(1,), max_model_len=9, lora_rank=8, device="cuda",
                        card=card, shares_card={shares})
os.execve(sys.executable, [sys.executable, "-P", "-c", {tell!r}], environment(os.environ, settings))
"""


@pytest.mark.parametrize(
    ("card", "shares", "uuid", "settings"),
    [
        ("trainer", True, WORKER["uuid"], f"{PINNED},max_split_size_mb:64"),
        ("visible[1]", False, DESKTOP["uuid"], f"{PINNED},expandable_segments:True,max_split_size_mb:64"),
    ],
)
def test_vllm_gets_the_trainers_card_without_growing_segments_or_a_card_of_its_own(
    card: str, shares: bool, uuid: str, settings: str
) -> None:
    code = _CLAIM + _WORKER.format(card=card, shares=shares, tell=_TELL)
    found, seen = in_a_child(base(PYTORCH_ALLOC_CONF="max_split_size_mb:64"), code)
    options = dict(option.split(":") for option in found.split(","))
    assert options == dict(option.split(":") for option in settings.split(","))
    assert seen["CUDA_VISIBLE_DEVICES"] == uuid


@pytest.mark.parametrize(
    ("setting", "inherited", "variable"),
    [("auto", None, None), ("auto", "0", "0"), ("v1", None, "0"), ("v1", "1", "0"), ("v2", "0", "1")],
)
def test_the_model_runner_is_chosen_by_the_variable_that_vllm_reads(
    setting: str, inherited: str | None, variable: str | None
) -> None:
    name = "VLLM_USE_V2_MODEL_RUNNER"
    given = {} if inherited is None else {name: inherited}
    assert environment(given, VllmSettings(**GPU, model_runner=setting)).get(name) == variable
