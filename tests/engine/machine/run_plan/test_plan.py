"""Plan of a whole run: closed forms of answers, speed, time and disk for every preset, and its warnings."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.machine.cards import Gpu
from engine.machine.memory_plan.sampling_phase import vllm_weights
from engine.machine.run_plan import Room, RunPlan, plan_run, warnings
from engine.machine.run_plan.cards import card_of
from engine.machine.run_plan.work import RoleLengths
from engine.presets import list_presets, load_preset, preset_variants

RTX_4090 = Gpu("NVIDIA GeForce RTX 4090", 24.0, 24.0)
SPACIOUS = Room(RTX_4090, memory_gib=128, free_memory_gib=120, disk_free_gib=500, cores=16)
LAPTOP = Room(None, memory_gib=16, free_memory_gib=12, disk_free_gib=100, cores=2)
GPU_PRESETS = [
    f"{name}@{variant}" for name in list_presets(Path("/none")) for variant in preset_variants(name, Path("/none"))
]


@pytest.fixture(autouse=True)
def nothing_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path))


def config_of(preset: str, *overrides: str) -> RunConfig:
    return load_preset(preset, overrides, Path("/none"))


def plan(preset: str, *overrides: str, room: Room = SPACIOUS) -> RunPlan:
    planned = plan_run(config_of(preset, *overrides), room)
    assert planned is not None
    return planned


def on_its_card(preset: str) -> RunPlan:
    gib = float(preset.partition("@")[2])
    return plan(preset, room=SPACIOUS.with_card(gib))


LONG = (
    "evaluation.heldout_tasks=200", "evaluation.validation_tasks=50", "evaluation.n_programs=16",
    "evaluation.m_tests=16", "rollout.length_curriculum=[]",
)  # fmt: skip


def test_two_hundred_tasks_of_thirty_two_long_answers_took_most_of_the_run() -> None:
    planned = plan("qwen3-4b@24", *LONG)
    assert planned.work.start.answers == 8000
    assert planned.work.evaluation_share == pytest.approx(0.64, abs=0.005)
    assert 11 < planned.times.start / 3600 < 21
    (text,) = warnings(planned)
    assert text.startswith("the start evaluation, 8,000 answers, takes as long as 20 steps")


def test_qwen3_4b_learns_within_two_hours_of_a_4090_and_evaluates_with_a_fifth_of_its_answers() -> None:
    planned = plan("qwen3-4b@24")
    assert planned.work.start.answers == 896
    assert planned.work.evaluation_share <= 0.2
    assert planned.times.first_learning <= 2 * 3600
    assert [stage.rollout.max_new_tokens_coder for stage in planned.work.stages] == [4096, 6144, 10000]
    assert sum(stage.steps for stage in planned.work.stages) == 50
    assert planned.times.steps[0] < planned.times.steps[1] < planned.times.steps[2]


@pytest.mark.parametrize(
    ("overrides", "tokens_per_second"),
    [
        ((), 750),
        (("vllm.precision=fp8",), 1040),
        (("vllm.precision=fp8", "vllm.kv_cache_dtype=fp8", "rollout.max_batch=48"), 1900),
    ],
)
def test_decoding_on_a_4090_is_bound_by_its_bandwidth(overrides: tuple[str, ...], tokens_per_second: float) -> None:
    planned = plan("qwen3-4b@24", *overrides)
    assert planned.speed.sampled(planned.config.rollout) == pytest.approx(tokens_per_second, rel=0.1)


@pytest.mark.parametrize(
    ("preset", "weights_gib", "per_token_kib", "cache_tokens"),
    [("qwen3-1.7b@12", 3.2, 112, 43_000), ("qwen3-0.6b@8", 1.11, 112, 27_000)],
)
def test_small_cards_hold_small_models_with_a_useful_cache(
    preset: str, weights_gib: float, per_token_kib: int, cache_tokens: int
) -> None:
    planned = on_its_card(preset)
    cache = planned.memory.kv_cache
    assert cache is not None
    assert vllm_weights(planned.memory.shape, "bf16", "bf16") / 2**30 == pytest.approx(weights_gib, abs=0.05)
    assert cache.bytes_per_token == per_token_kib * 1024
    assert cache.tokens == pytest.approx(cache_tokens, rel=0.1)
    rollout = planned.config.rollout
    assert (rollout.tasks_per_step, rollout.n_programs, rollout.m_tests, rollout.max_batch) == (8, 8, 8, 24)


@pytest.mark.parametrize("preset", GPU_PRESETS)
def test_every_preset_fits_its_card_and_evaluates_with_a_fifth_of_its_answers_at_most(preset: str) -> None:
    planned = on_its_card(preset)
    assert planned.memory.fits
    assert planned.memory.sampling.peak_gib <= planned.room.gpu.memory_gb + 1e-9  # type: ignore[union-attr]
    assert planned.work.evaluation_share <= 0.2
    assert planned.disk.gib < 15
    assert warnings(planned) == ()


@pytest.mark.parametrize("taken", [0.5, 1.5])
def test_the_cache_is_sized_from_what_is_free(taken: float) -> None:
    whole = plan("qwen3-4b@24").memory
    shared = plan("qwen3-4b@24", room=Room(Gpu("a card", 24, 24 - taken), 128, 120, 500, 16)).memory
    assert whole.kv_cache is not None
    assert shared.kv_cache is not None
    assert (whole.kv_cache.bytes - shared.kv_cache.bytes) / 2**30 == pytest.approx(taken)
    assert shared.sampling.peak_gib == pytest.approx(24 - taken)
    assert shared.room_gib == 24 - taken


def test_the_canarys_pass_is_planned_while_vllm_is_awake() -> None:
    names = [part.name for part in plan("qwen3-4b@24").memory.sampling.parts]
    assert "canary: the trainer's pass over one prompt" in names
    own = plan("qwen3-4b@24", "rollout.sampler=transformers").memory.sampling.parts
    assert not any("canary" in part.name for part in own)


@pytest.mark.parametrize(
    ("name", "gib", "found", "is_named"),
    [
        ("NVIDIA GeForce RTX 4090", 24, "RTX 4090", True), ("NVIDIA A100-SXM4-80GB", 80, "A100", True),
        ("NVIDIA A100-SXM4-40GB", 40, "A100-SXM4-40GB", True), ("NVIDIA L40S", 45, "L40S", True),
        ("NVIDIA H100 80GB HBM3", 80, "H100", True), ("NVIDIA GeForce RTX 4060 Ti", 16, "RTX 4060 Ti", True),
        ("NVIDIA L4", 22.5, "L4", True), ("a card", 8, "RTX 4060", False), ("a card", 24, "RTX 4090", False),
        ("a card", 180, "H200", False),
    ],
)  # fmt: skip
def test_a_card_is_found_by_its_name_or_by_its_size(name: str, gib: float, found: str, is_named: bool) -> None:
    card, named = card_of(Gpu(name, gib, gib))
    assert (card.name, named) == (found, is_named)


def test_lengths_are_cut_off_at_the_limit() -> None:
    role = RoleLengths.of_limit(10_000)
    assert role.mean(10_000) == role.mean_finished(10_000) == 5000
    assert role.mean(4000) == pytest.approx(3200)  # 0.4 of them end, at 2,000 on average; the others take 4,000
    assert role.mean_finished(4000) == pytest.approx(800)
    for mean in (700.0, 3200.0):
        assert RoleLengths.of_mean(mean, 4000).mean(4000) == pytest.approx(mean)


def test_a_run_on_the_cpu_is_planned_in_its_memory_and_time() -> None:
    planned = plan("nano", room=LAPTOP)
    assert planned.memory.on_cpu
    assert planned.memory.room_gib == 12
    assert 0.5 < planned.memory.needed_gib < 2
    assert planned.times.run < 20 * 60
    assert warnings(planned) == ()


def test_a_time_limit_below_the_start_evaluation_is_warned_of() -> None:
    (text,) = warnings(plan("qwen3-4b@24", "run.max_minutes=60"))
    assert text.startswith("the start evaluation alone would take 1.7 h, and run.max_minutes is 60: raise it to ")
    (text,) = warnings(plan("qwen3-4b@24", "run.max_minutes=120"))
    assert text.startswith("both evaluations and one step would take ")
    assert warnings(plan("qwen3-4b@24", "run.max_minutes=1200")) == ()


@pytest.mark.parametrize("has_bf16", [True, False])
def test_a_cpu_is_told_its_faster_format(has_bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.machine.run_plan.cautions.multiplies_bf16", lambda: has_bf16)
    for precision, other in (("fp32", "bf16"), ("bf16", "fp32")):
        overrides = (
            "model.source=Qwen/Qwen3-0.6B", "rollout.sampler=transformers", f"policy.precision={precision}",
            f"model.dtype={precision}",
        )  # fmt: skip
        said = [text for text in warnings(plan("nano", *overrides, room=LAPTOP)) if "bf16" in text]
        assert bool(said) is (has_bf16 == (precision == "fp32"))
        assert not said or f'policy.precision = "{other}"' in said[0]


def test_a_model_of_unknown_shape_has_no_plan() -> None:
    assert plan_run(config_of("qwen3-4b@24", "model.source=nobody/knows-this"), SPACIOUS) is None
