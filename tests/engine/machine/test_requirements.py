"""Requirements of a preset: a machine's lacks are reported before anything loads."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from engine.config import RunConfig
from engine.machine.cards import Gpu
from engine.machine.extras import requirements_of
from engine.machine.libraries import VLLM_VERSIONS, vllm_is_supported
from engine.machine.nvml import Driver
from engine.machine.probe import Machine, probe_machine
from engine.machine.requirements import least_memory_gb, missing_for, missing_for_solving
from engine.presets import load_preset

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
    free_memory_gb=50,
    libraries=(
        *CPU_ONLY.libraries,
        ("vllm", "0.32.0"),
        ("bitsandbytes", "0.50.0"),
        ("vllm-bnb-plugin", "0.1"),
    ),
    driver=Driver("580.65", "13.0"),
    torch_cuda="13.0",
    vllm_torch="2.13.0",
)


@pytest.fixture(autouse=True)
def no_model_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-home"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).touch()
    return folder


def with_files(preset: str, folder: Path, *overrides: str) -> RunConfig:
    """Return the preset with tasks that exist."""
    files = []
    for split in ("train", "validation", "heldout"):
        (folder / f"{split}.jsonl").write_text("{}\n")
        files.append(f"data.{split}={folder / f'{split}.jsonl'}")
    return load_preset(preset, [*files, *overrides], folder)


def said(config: RunConfig, machine: Machine) -> list[str]:
    return [missing.what for missing in missing_for(config, machine)]


def test_nano_needs_no_gpu(model_folder: Path) -> None:
    assert said(with_files("nano", model_folder, f"model.source={model_folder}"), CPU_ONLY) == []


def test_vllm_wants_a_gpu_unless_it_was_built_for_the_cpu(model_folder: Path) -> None:
    config = with_files("nano", model_folder, f"model.source={model_folder}", "rollout.sampler=vllm")
    without = replace(CPU_ONLY, libraries=(*CPU_ONLY.libraries, ("vllm", "0.32.0")))
    assert said(config, without) == ["no CUDA GPU"]
    assert said(config, replace(without, vllm_on_cpu=True)) == []
    assert said(with_files("qwen3-4b", model_folder), replace(without, vllm_on_cpu=True))[0] == "no CUDA GPU"


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


def test_a_library_that_programs_may_import_must_be_installed(model_folder: Path) -> None:
    chosen = ("sandbox.libraries=['numpy', 'no-such-library']", f"model.source={model_folder}")
    (missing,) = missing_for(with_files("nano", model_folder, *chosen), CPU_ONLY)
    assert str(missing) == (
        "no-such-library, which programs may import, is not installed: "
        "pip install no-such-library, or take it out of sandbox.libraries"
    )


def test_each_lack_has_a_remedy(tmp_path: Path) -> None:
    assert all(missing.remedy for missing in missing_for(load_preset("qwen2.5-14b", (), tmp_path), CPU_ONLY))


def card(gib: float, free: float | None = None) -> Machine:
    return replace(WORKSTATION, gpus=(Gpu("a card", gib, gib - 0.2 if free is None else free),))


def test_a_card_too_small_is_told_by_the_plan_with_the_settings_that_would_fit(tmp_path: Path) -> None:
    config = with_files("qwen3-4b@48", tmp_path)
    (missing,) = missing_for(config, card(24))
    assert missing.what == "GPU memory: 25.8 GiB needed, 24.0 GiB on a card"
    assert missing.remedy == 'set policy.precision = "nf4"'
    overrides = [change.replace(" = ", "=") for change in missing.remedy.removeprefix("set ").split(", ")]
    assert missing_for(with_files("qwen3-4b@48", tmp_path, *overrides), card(24)) == ()


def test_a_card_too_small_for_every_setting_says_so(tmp_path: Path) -> None:
    (missing,) = missing_for(with_files("qwen2.5-14b", tmp_path), card(16))
    assert missing.remedy == "take a smaller preset: no setting makes this model fit"


def test_a_card_that_others_use_is_told_from_one_too_small(tmp_path: Path) -> None:
    (missing,) = missing_for(with_files("qwen3-4b@24", tmp_path), card(24, free=12))
    assert missing.what == "GPU memory: 20.7 GiB needed, 12.0 GiB of a card are free"
    assert "nvidia-smi" in missing.remedy


def test_a_kv_cache_that_holds_no_whole_answer_is_refused(tmp_path: Path) -> None:
    config = with_files("qwen3-4b@24", tmp_path, "vllm.kv_cache_gb=1.0")
    (missing,) = missing_for(config, card(24))
    assert missing.what.startswith("a KV cache of 1 GiB holds 7,281 tokens, the longest prompt and answer take 12,048")
    assert "or to 1.7 or more" in missing.remedy


def test_host_memory_for_a_sleeping_vllm_is_needed_too(tmp_path: Path) -> None:
    (missing,) = missing_for(with_files("qwen3-4b@24", tmp_path), replace(card(24), free_memory_gb=5))
    assert missing.what == ("memory: 12.1 GiB needed, 7.5 of them for vLLM's weights while it sleeps, 5.0 GiB free")
    assert missing.remedy == "set vllm.sleep_level = 2"
    config = with_files("qwen3-4b@24", tmp_path, "vllm.sleep_level=2")
    assert missing_for(config, replace(card(24), free_memory_gb=5)) == ()


def test_host_memory_that_no_setting_saves_is_told_apart(tmp_path: Path) -> None:
    (missing,) = missing_for(with_files("qwen3-4b@24", tmp_path), replace(card(24), free_memory_gb=2))
    assert missing.remedy == "end programs that use memory, or take a machine with more of it"


def test_a_run_that_samples_on_the_cpu_needs_the_memory_of_both_phases(model_folder: Path) -> None:
    config = with_files("nano", model_folder, "rollout.max_batch=65536", "rollout.max_new_tokens_coder=2048")
    (missing,) = missing_for(config, CPU_ONLY)
    assert missing.what.startswith("memory: ")
    assert missing.what.endswith(" GiB needed, 8.0 GiB here")
    smaller = with_files("nano", model_folder, "rollout.max_batch=64", "rollout.max_new_tokens_coder=2048")
    assert missing_for(smaller, CPU_ONLY) == ()


def test_a_disk_without_room_for_checkpoints_is_refused(model_folder: Path) -> None:
    full = replace(card(24), disk_free_gb=1.0)
    (missing,) = missing_for(with_files("qwen3-4b@24", model_folder), full)
    assert missing.what == "disk: 4.4 GiB needed at most, 1.0 GiB free"
    fewer = with_files("qwen3-4b@24", model_folder, "run.keep_checkpoints=1", "run.archive_mb=10")
    assert missing_for(fewer, replace(full, disk_free_gb=3.0)) == ()


def test_nf4_weights_are_spared_the_host_by_the_level_that_keeps_them_on_the_card(tmp_path: Path) -> None:
    machine = replace(card(16), free_memory_gb=5)
    (missing,) = missing_for(with_files("qwen3-4b@16", tmp_path), machine)
    assert missing.remedy == "set vllm.sleep_level = 0"
    assert missing_for(with_files("qwen3-4b@16", tmp_path, "vllm.sleep_level=0"), machine) == ()


def test_a_model_of_unknown_shape_is_refused_below_its_lower_bound_only(tmp_path: Path) -> None:
    config = with_files("qwen2.5-14b", tmp_path, "model.source=nobody/knows-this")
    assert said(config, card(8)) == ["GPU memory: at least 10 GiB needed, 8 GiB here"]
    assert said(config, card(16)) == []
    nf4 = load_preset("qwen2.5-7b@24", (), tmp_path)
    bf16 = load_preset("qwen2.5-7b@24", ["policy.precision=bf16"], tmp_path)
    assert least_memory_gb(nf4) < 7 < 15 < least_memory_gb(bf16) < 18
    assert least_memory_gb(load_preset("qwen2.5-7b", ["model.parameters_b=0"], tmp_path)) == 0


def with_versions(**versions: str | None) -> Machine:
    """Return the workstation with other versions of some libraries; None: not installed."""
    changed = {name.replace("_", "-"): version for name, version in versions.items()}
    libraries = {**dict(WORKSTATION.libraries), **changed}
    return replace(WORKSTATION, libraries=tuple((name, it) for name, it in libraries.items() if it is not None))


@pytest.mark.parametrize(
    ("machine", "what", "remedy"),
    [
        (with_versions(vllm=None), "vllm is not installed", "pip install -e '.[gpu]'"),
        (with_versions(bitsandbytes=None), "bitsandbytes is not installed", ".[gpu]"),
        (with_versions(bitsandbytes="0.45.5"), "bitsandbytes 0.45.5 is older than 0.46.1", ".[gpu]"),
        (with_versions(vllm="0.19.1", vllm_bnb_plugin=None), "vLLM 0.19.1 is not 0.32", ".[gpu]"),
        (with_versions(vllm="0.33.0"), "vLLM 0.33.0 is not 0.32", ".[gpu]"),
        (with_versions(vllm_bnb_plugin=None), "only with vllm-bnb-plugin", "pip install vllm-bnb-plugin"),
        (replace(WORKSTATION, vllm_torch="2.14.0"), "was built for torch 2.14.0, torch 2.13.0 is", ".[gpu]"),
        (replace(WORKSTATION, gpus=()), "no CUDA GPU", "the preset 'nano'"),
        (replace(WORKSTATION, gpus=(), driver=Driver(fault="Driver/library version mismatch")), "mismatch", "restart"),
        (replace(WORKSTATION, torch_cuda=""), "torch 2.13.0 is a build without CUDA", "CUDA build"),
        (
            replace(WORKSTATION, driver=Driver("550.54", "12.4")),
            "driver 550.54 supports CUDA 12.4, torch was built for CUDA 13.0",
            "update the driver to 580 or newer",
        ),
        (
            replace(WORKSTATION, driver=Driver("570.1", "12.8"), torch_cuda=None),
            "driver 570.1 supports CUDA 12.8, torch of the gpu extra needs CUDA 13",
            "update the driver to 580 or newer",
        ),
        (replace(WORKSTATION, driver=Driver("575.2", "")), "driver 575.2, torch was built for CUDA 13.0", "580"),
        (replace(WORKSTATION, compiler=""), "no C compiler", "install gcc"),
        (replace(WORKSTATION, python_headers=False), "Python.h is missing", "install python3.11-dev"),
    ],
)
def test_driver_and_libraries_must_fit_together(machine: Machine, what: str, remedy: str, tmp_path: Path) -> None:
    found = [each for each in missing_for(with_files("qwen2.5-7b@24", tmp_path), machine) if what in each.what]
    assert len(found) == 1
    assert remedy in found[0].remedy


def test_a_newer_cuda_on_an_older_driver_is_a_matter_of_the_libraries_that_serve_it(tmp_path: Path) -> None:
    compatible = replace(WORKSTATION, driver=Driver("535.1", "13.0"))
    assert said(with_files("qwen2.5-7b@24", tmp_path), compatible) == []


def test_what_builds_kernels_is_no_matter_without_vllm(tmp_path: Path) -> None:
    config = with_files("qwen3-4b@24", tmp_path, "rollout.sampler=transformers", "rollout.max_batch=8")
    assert said(config, replace(WORKSTATION, compiler="", python_headers=False)) == []


@pytest.mark.parametrize(
    ("override", "capability", "what"),
    [
        ("vllm.precision=fp8", (8, 6), "vllm.precision = fp8 needs compute capability 8.9, a card has 8.6"),
        ("vllm.kv_cache_dtype=fp8", (8, 0), "vllm.kv_cache_dtype = fp8 needs compute capability 8.9, a card has 8.0"),
        ("vllm.precision=fp8", (8, 9), ""),
        ("vllm.precision=fp8", (12, 0), ""),
        ("vllm.precision=fp8", None, ""),
        ("vllm.precision=dtype", (7, 5), ""),
    ],
)
def test_fp8_needs_a_card_that_computes_in_it(
    override: str, capability: tuple[int, int] | None, what: str, tmp_path: Path
) -> None:
    machine = replace(WORKSTATION, gpus=(Gpu("a card", 24, 23, capability=capability),))
    missing = missing_for(with_files("qwen3-4b@24", tmp_path, override), machine)
    assert [each.what for each in missing] == ([what] if what else [])
    assert all(each.remedy in ('set vllm.precision = "dtype"', 'set vllm.kv_cache_dtype = "auto"') for each in missing)


def test_a_second_card_must_be_there_and_relieves_the_first(tmp_path: Path) -> None:
    config = with_files("qwen3-4b@24", tmp_path, "vllm.device='1'")
    assert said(config, WORKSTATION) == ['vllm.device = "1", but this machine shows one card, number 0']
    small, large = Gpu("small", 18, 17.5, uuid="GPU-1"), Gpu("large", 24, 23.5, uuid="GPU-2", index=1)
    assert said(config, replace(WORKSTATION, gpus=(large, small))) == []
    on_small = replace(WORKSTATION, gpus=(small, large), trains_on=small)
    assert said(config, on_small) == []  # the update alone fits into 18 GiB
    (missing,) = missing_for(with_files("qwen3-4b@24", tmp_path), on_small)
    assert missing.what.startswith("GPU memory: ")
    tiny = Gpu("tiny", 8, 7.5, uuid="GPU-3", index=2)
    (missing,) = missing_for(config, replace(WORKSTATION, gpus=(large, tiny)))
    assert re.fullmatch(
        r"vLLM needs 1[0-9]\.[0-9] GiB on a card of its own, 7\.5 of 8\.0 GiB of tiny are free", missing.what
    )
    assert missing.remedy.startswith('set vllm.device = "same"')


def test_the_versions_of_vllm_that_are_claimed_are_those_that_the_extra_allows() -> None:
    allowed = next(each for each in requirements_of("gpu") if re.match(r"vllm\b(?!-)", each))
    specifiers = SpecifierSet(re.sub(r"^vllm", "", allowed))
    for minor in range(28, 40):
        for patch in (0, 5):
            version = f"0.{minor}.{patch}"
            assert vllm_is_supported(version) == (version in specifiers)
    assert f"{VLLM_VERSIONS}.0" in specifiers


def test_minor_versions_of_cuda_and_a_plugin_that_is_not_used_do_not_matter(tmp_path: Path) -> None:
    newer = replace(with_versions(vllm_bnb_plugin=None), driver=Driver("590.1", "13.2"), torch_cuda="13.0")
    assert said(with_files("qwen3-4b@24", tmp_path), newer) == []  # its sampler computes in bf16
    older = replace(WORKSTATION, torch_cuda="13.2")
    assert said(with_files("qwen3-4b@24", tmp_path), older) == []


def test_a_model_folder_without_tokenizer_is_named(model_folder: Path) -> None:
    (model_folder / "tokenizer.json").unlink()
    config = with_files("nano", model_folder, f"model.source={model_folder}")
    assert said(config, CPU_ONLY) == [f"model folder {model_folder} has no tokenizer (tokenizer.json)"]


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
    config = with_files("qwen3-4b", tmp_path)
    assert said(config, WORKSTATION) == []
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "is not on this machine" in said(config, WORKSTATION)[0]
    repository = tmp_path / "hub" / "models--Qwen--Qwen3-4B"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    for name in ("config.json", "tokenizer.json"):
        (snapshot / name).write_text("{}")
    assert "the cache of model Qwen/Qwen3-4B has no weights" in said(config, WORKSTATION)[0]
    assert "hf download Qwen/Qwen3-4B" in missing_for(config, WORKSTATION)[0].remedy
    (snapshot / "model.safetensors").touch()
    assert said(config, WORKSTATION) == []


def test_this_machine_is_probed_without_loading_a_framework(tmp_path: Path) -> None:
    machine = probe_machine(tmp_path / "not" / "there")
    assert machine.cores >= 1
    assert 0 < machine.free_memory_gb <= machine.memory_gb
    assert machine.disk_free_gb > 0
    assert machine.version_of("torch")
    assert machine.version_of("no-such-library") is None
    assert "vllm" not in sys.modules


def test_a_run_that_a_server_trains_needs_the_sdk_and_a_key_and_no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = ["policy.engine=tinker", "policy.url=http://127.0.0.1:8000", "rollout.sampler=engine"]
    config = load_preset("nano", [*elsewhere, "policy.lora_alpha=32", "model.parameters_b=32"])
    monkeypatch.delenv("TINKER_API_KEY", raising=False)
    sdk, key = missing_for(config, CPU_ONLY)
    assert (sdk.what, key.what) == ("tinker is not installed", "no TINKER_API_KEY is set")
    assert "[tinker]" in sdk.remedy
    assert "export TINKER_API_KEY" in key.remedy
    monkeypatch.setenv("TINKER_API_KEY", "tml-any")
    assert not missing_for(config, replace(CPU_ONLY, libraries=(*CPU_ONLY.libraries, ("tinker", "0.25.0"))))
    # For solving, the weights are on this machine, and 32 billion parameters need a card.
    assert "no CUDA GPU" in {missing.what for missing in missing_for_solving(config, CPU_ONLY)}
