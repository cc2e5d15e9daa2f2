"""Memory plan of both phases: its targets, its dependence on the settings, its advice."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.machine.memory_plan import MemoryPlan, changes_that_fit, plan_memory
from engine.machine.memory_plan.calibration import CUDA_CONTEXT, GIB
from engine.machine.memory_plan.known_models import KNOWN_MODELS
from engine.machine.memory_plan.shape import ModelShape, shape_from_config
from engine.machine.memory_plan.update_phase import UpdateSetup, trainer_weights, update_parts
from engine.presets import load_preset


@pytest.fixture(autouse=True)
def no_model_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))


def known(name: str) -> ModelShape:
    shape = shape_from_config(KNOWN_MODELS[name])
    assert shape is not None
    return shape


def config_of(preset: str, *overrides: str) -> RunConfig:
    return load_preset(preset, overrides, Path("/none"))


def plan(preset: str, gpu_gib: float, *overrides: str) -> MemoryPlan:
    planned = plan_memory(config_of(preset, *overrides), gpu_gib)
    assert planned is not None
    return planned


@pytest.mark.parametrize(
    ("name", "precision", "below_gb"),
    [("Qwen/Qwen3-4B", "bf16", 16), ("Qwen/Qwen3-4B", "nf4", 9), ("Qwen/Qwen2.5-7B", "nf4", 14)],
)
def test_an_update_at_8k_tokens_is_planned_below_what_it_must_reach(name: str, precision: str, below_gb: float) -> None:
    setup = UpdateSetup(precision, 32, "adamw", checkpointing=True, tokens=8192)  # type: ignore[arg-type]
    total = sum(part.bytes for part in update_parts(known(name), setup)) + CUDA_CONTEXT
    assert total < below_gb * 1e9


def test_nf4_packs_the_linear_layers_and_nothing_else() -> None:
    shape = known("Qwen/Qwen2.5-7B")
    rest = shape.parameters - shape.linear_parameters
    assert rest == pytest.approx(2 * 152_064 * 3584, rel=1e-3)  # embeddings and head
    bits = 8 * (trainer_weights(shape, "nf4") - 2 * rest) / shape.linear_parameters
    assert bits == pytest.approx(4.127, abs=0.001)  # QLoRA's own figure for double quantisation


def test_checkpointing_trades_activations_for_one_layers_working_memory() -> None:
    shape = known("Qwen/Qwen3-4B")
    with_, without = (
        sum(part.bytes for part in update_parts(shape, UpdateSetup("bf16", 32, "adamw", checkpointing, 8192))) / GIB
        for checkpointing in (True, False)
    )
    assert with_ < 14 < 40 < without


def test_a_phase_is_the_sum_of_its_parts_and_sampling_fills_the_card() -> None:
    planned = plan("qwen3-4b@24", 24)
    for phase in (planned.sampling, planned.update):
        assert phase.peak_gib == pytest.approx(sum(part.gib for part in phase.parts))
    assert planned.sampling.peak_gib == pytest.approx(24)
    assert planned.needed_gib < 24


def test_the_kv_cache_takes_what_is_left_but_no_more_than_a_batch_can_fill() -> None:
    small, large, huge = (plan("qwen2.5-7b@24", gib).kv_cache for gib in (22, 24, 200))
    assert small is not None
    assert large is not None
    assert huge is not None
    assert large.bytes - small.bytes == pytest.approx(2 * GIB)
    assert huge.tokens == 64 * huge.longest_sequence
    assert large.bytes_per_token == 2 * 28 * 4 * 128 * 2
    assert huge.whole_sequences == huge.usual_sequences == 64


def test_a_card_that_is_too_small_still_shows_the_least_cache() -> None:
    planned = plan("qwen3-4b@24", 12)
    assert not planned.fits
    assert planned.kv_cache is not None
    assert planned.kv_cache.whole_sequences == pytest.approx(4, abs=0.01)
    assert planned.spare_gib == pytest.approx(12 - planned.needed_gib)


def test_a_cache_that_is_asked_for_is_counted_whole() -> None:
    planned = plan("qwen3-4b@24", 24, "vllm.kv_cache_gb=16.0")
    assert planned.kv_cache is not None
    assert planned.kv_cache.bytes == 16 * GIB
    assert not planned.fits


def test_deeper_sleep_leaves_less_on_the_card() -> None:
    peaks = [plan("qwen3-4b@24", 24, f"vllm.sleep_level={level}").update.peak_gib for level in (0, 1, 2)]
    assert peaks[0] - peaks[1] == pytest.approx(7.49 + 0.14, abs=0.02)  # weights and adapter slot
    assert peaks[1] == peaks[2]
    hosts = [plan("qwen3-4b@24", 24, f"vllm.sleep_level={level}").host_gib for level in (0, 1, 2)]
    assert hosts[1] - hosts[0] == pytest.approx(10.0, abs=0.01)  # 7.49 GiB in pinned memory, rounded up
    assert hosts[2] == hosts[0]


def test_every_setting_of_vllm_that_costs_memory_is_planned() -> None:
    base = plan("qwen3-4b@24", 24).sampling_needed_gib
    assert plan("qwen3-4b@24", 24, "vllm.cuda_graphs=false").sampling_needed_gib < base - 0.5
    assert plan("qwen3-4b@24", 24, "vllm.precision=fp8").sampling_needed_gib < base - 3
    assert plan("qwen3-4b@24", 24, "vllm.precision=nf4").sampling_needed_gib < base - 4
    assert plan("qwen3-4b@24", 24, "vllm.max_batched_tokens=32768").sampling_needed_gib > base + 1
    assert plan("qwen3-4b@24", 24, "rollout.max_batch=1024").sampling_needed_gib > base + 5


def test_our_own_sampler_shares_the_trainers_weights_and_an_endpoint_needs_no_cache() -> None:
    own = plan("qwen3-4b@24", 24, "rollout.sampler=transformers", "rollout.max_batch=4")
    assert not any("vLLM" in part.name for phase in (own.sampling, own.update) for part in phase.parts)
    assert own.kv_cache is not None
    assert own.kv_cache.whole_sequences == 4
    elsewhere = plan("qwen3-4b@24", 24, "rollout.sampler=endpoint", 'rollout.endpoints=["http://there:8000"]')
    assert elsewhere.kv_cache is None
    assert elsewhere.sampling.peak_gib < elsewhere.update.peak_gib


def test_a_micro_batch_is_never_planned_smaller_than_the_longest_sequence() -> None:
    names = [part.name for part in plan("qwen3-4b@24", 24, "policy.micro_batch_tokens=10000").update.parts]
    assert "layer inputs kept of 12,048 tokens" in names


@pytest.mark.parametrize(
    ("preset", "gpu_gib", "overrides"),
    [
        ("qwen3-4b@48", 24, ()),
        ("qwen3-4b@24", 16, ()),
        ("qwen3-4b@24", 12, ()),
        ("qwen2.5-7b@80", 24, ()),
        ("qwen2.5-7b@24", 16, ("vllm.kv_cache_gb=9.0",)),
        ("qwen3-4b@24", 24, ("policy.precision=bf16", "policy.checkpoint_activations=false")),
        ("qwen3-4b@24", 24, ("rollout.sampler=transformers",)),
    ],
)
def test_the_changes_that_are_advised_fit_and_are_valid(
    preset: str, gpu_gib: float, overrides: tuple[str, ...]
) -> None:
    config = config_of(preset, *overrides)
    changes = changes_that_fit(config, gpu_gib)
    assert changes
    said = [f"{key}={str(value).lower()}" for key, value in changes]
    changed = plan(preset, gpu_gib, *overrides, *said)
    assert changed.fits
    for one in said:
        fewer = [change for change in said if change != one]
        if "micro_batch" not in one and "max_new_tokens" not in one:
            assert not plan(preset, gpu_gib, *overrides, *fewer).fits


def test_what_fits_needs_no_change_and_what_cannot_fit_gets_none() -> None:
    assert changes_that_fit(config_of("qwen3-4b@24"), 24) == ()
    assert changes_that_fit(config_of("qwen2.5-14b@48"), 16) is None


def test_a_model_of_unknown_shape_has_no_plan() -> None:
    config = config_of("qwen3-4b@24", "model.source=nobody/knows-this")
    assert plan_memory(config, 24) is None
    with pytest.raises(ValueError, match="not known"):
        changes_that_fit(config, 24)
