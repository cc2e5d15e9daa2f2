"""Rules: each impossible combination is refused, with the setting at fault and a remedy that works."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.rules import RULES
from engine.errors import ConfigError
from engine.presets import load_preset

TINKER = [
    "policy.engine=tinker",
    "policy.url=http://127.0.0.1:8000",
    "rollout.sampler=engine",
    "policy.lora_alpha=32.0",
    "policy.lora_rank=16",
]

# rule, what breaks it, what the refusal's remedy makes of it
CASES = [
    ("best_of_n_needs_that_many_samples", ["evaluation.bon_sizes=[[4, 32]]"], ["evaluation.m_tests=32"]),
    ("best_of_n_sizes_differ", ["evaluation.bon_sizes=[[4, 4], [4, 4]]"], ["evaluation.bon_sizes=[[4, 4]]"]),
    ("splits_are_disjoint", ["data.validation=/x.json", "data.heldout=/x.json"], ["data.heldout=/y.json"]),
    ("nf4_computes_in_half_precision", ["policy.precision=nf4"], ["model.dtype=bf16"]),
    ("vllm_takes_only_some_ranks", ["rollout.sampler=vllm", "policy.lora_rank=12"], ["policy.lora_rank=16"]),
    (
        "nf4_sampler_keeps_its_weights",
        ["rollout.sampler=vllm", "vllm.precision=nf4", "vllm.sleep_level=2"],
        ["vllm.sleep_level=1"],
    ),
    (
        "fp8_computes_in_half_precision",
        ["rollout.sampler=vllm", "vllm.precision=fp8", "vllm.kv_cache_dtype=fp8"],
        ["model.dtype=bf16"],
    ),
    (
        "fp8_cache_has_no_nf4_weights",
        ["rollout.sampler=vllm", "model.dtype=bf16", "vllm.precision=nf4", "vllm.kv_cache_dtype=fp8"],
        ["vllm.precision=fp8"],
    ),
    (
        "sequential_updates_are_whole",
        ["policy.update=sequential", "policy.mini_batches=2"],
        ["policy.update=joint"],
    ),
    (
        "constant_schedule_does_not_fall",
        ["policy.schedule=constant", "policy.final_lr_share=0.1"],
        ["policy.final_lr_share=1.0"],
    ),
    (
        "micro_batch_holds_the_longest_answer",
        ["policy.micro_batch_tokens=64"],
        ["rollout.max_new_tokens_tester=64", "rollout.max_new_tokens_coder=64"],
    ),
    (
        "curriculum_rises",
        ["rollout.length_curriculum=[48, 32]", "rollout.length_steps=3"],
        ["rollout.length_curriculum=[32, 48]"],
    ),
    ("curriculum_goes_on", ["rollout.length_curriculum=[32]"], ["rollout.length_truncated=0.1"]),
    (
        "post_stage_hides_the_example",
        ["reward.tester_variant=post-stage", "model.show_example=true"],
        ["model.show_example=false"],
    ),
    ("short_prompts_do_not_think", ["model.thinking=true"], ["model.prompt_style=full"]),
    (
        "labels_without_truth_keep_a_kl",
        ["reward.labels=tester:nano", "policy.kl_beta=0"],
        ["policy.kl_beta=0.02"],
    ),
    ("anchors_are_enough", ["reward.labels=consensus", "reward.anchors=9"], ["reward.anchors=0"]),
    (
        "unanchored_tasks_suffice",
        ["reward.labels=consensus", "reward.anchors=0", "rollout.tasks_per_step=26"],
        ["rollout.tasks_per_step=25"],
    ),
    (
        "consensus_compares_programs",
        ["reward.labels=consensus", "rollout.n_programs=2"],
        ["rollout.n_programs=8"],
    ),
    (
        "references_judge_beside_hidden_tests",
        ["reward.labels=consensus", "reward.tester_supervision=reference"],
        ["reward.labels=hidden"],
    ),
    (
        "validity_takes_references",
        ["reward.tester_variant=validity"],
        ["reward.tester_supervision=reference"],
    ),
    ("tinker_has_an_address", [*TINKER, "policy.url="], ["policy.url=http://127.0.0.1:8000"]),
    ("engine_samples_where_it_trains", [*TINKER, "rollout.sampler=transformers"], ["rollout.sampler=engine"]),
    ("tinker_samples_unfiltered", [*TINKER, "rollout.temperature=0.8"], ["rollout.temperature=1.0"]),
    ("tinker_decays_no_weights", [*TINKER, "policy.weight_decay=0.01"], ["policy.weight_decay=0.0"]),
    ("tinker_keeps_plain_moments", [*TINKER, "policy.optimiser=adamw-8bit"], ["policy.optimiser=adamw"]),
    ("tinker_scales_adapters_by_its_alpha", [*TINKER, "policy.lora_alpha=64"], ["policy.lora_alpha=32.0"]),
    ("tinker_starts_from_the_base", [*TINKER, "start=some-run@3"], ["start="]),
]


@pytest.mark.parametrize(("rule", "breaks", "mends"), CASES, ids=[case[0] for case in CASES])
def test_a_broken_rule_is_refused_and_its_remedy_works(
    rule: str, breaks: list[str], mends: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_preset("nano", breaks, tmp_path)
    assert caught.value.remedy
    assert str(caught.value).startswith("--set ")
    load_preset("nano", breaks + mends, tmp_path)


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        (["vllm.precision=nf4", "vllm.sleep_level=2"], ["vllm.precision=dtype"]),
        (["vllm.precision=fp8"], ["vllm.precision=dtype"]),
        (["vllm.kv_cache_dtype=fp8"], ["vllm.kv_cache_dtype=auto"]),
        (["model.dtype=bf16", "vllm.precision=nf4", "vllm.kv_cache_dtype=fp8"], ["vllm.kv_cache_dtype=auto"]),
    ],
)
def test_each_remedy_for_vllms_formats_works_and_other_samplers_do_not_care(
    breaks: list[str], mends: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_preset("nano", ["rollout.sampler=vllm", *breaks], tmp_path)
    (setting, value) = mends[0].split("=")
    assert f'{setting} = "{value}"' in caught.value.remedy
    load_preset("nano", ["rollout.sampler=vllm", *breaks, *mends], tmp_path)
    load_preset("nano", breaks, tmp_path)


@pytest.mark.parametrize(
    ("breaks", "mends"),
    [
        (["rollout.sampler=engine"], ["rollout.sampler=transformers"]),
        ([*TINKER, "rollout.top_p=0.95"], ["rollout.top_p=1.0"]),
        ([*TINKER, "rollout.sampler=vllm"], ["policy.engine=local"]),
    ],
)
def test_the_remedies_of_the_other_tinker_refusals_work(breaks: list[str], mends: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_preset("nano", breaks, tmp_path)
    setting = mends[0].partition("=")[0]
    assert f"set {setting} = " in caught.value.remedy or f"or {setting} = " in caught.value.remedy
    load_preset("nano", [*breaks, *mends], tmp_path)


def test_settings_of_this_machines_trainer_do_not_bind_a_server() -> None:
    load_preset("nano", [*TINKER, "policy.micro_batch_tokens=64"])


def test_the_published_post_stage_hides_the_example_too() -> None:
    with pytest.raises(ConfigError, match="takes the public example out"):
        load_preset("nano", ["reward.tester_variant=post-stage-published", "model.show_example=true"])


def test_every_rule_has_a_case() -> None:
    assert [rule.__name__ for rule in RULES] == [case[0] for case in CASES]
