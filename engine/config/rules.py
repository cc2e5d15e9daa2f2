"""Rules on combinations of settings: one function per rule, which returns a Conflict with its remedy, or None.

A rule takes a whole configuration whose single values are already in range. The loaders of `engine.presets` apply the
rules, because they know file and line. A requirement that a machine does not meet (a GPU, memory) is not a conflict:
see `engine.machine.requirements`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from engine.config.conflict import Conflict
from engine.config.label_free import FEWEST_ANCHORS, MOST_UNANCHORED, tasks_needed
from engine.config.schema import RunConfig
from engine.config.tinker_rules import TINKER_RULES

VLLM_LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def broken_rule(config: RunConfig) -> Conflict | None:
    """Return the conflict of the first rule that `config` breaks; None if it breaks none."""
    return next((conflict for rule in RULES if (conflict := rule(config)) is not None), None)


def best_of_n_needs_that_many_samples(config: RunConfig) -> Conflict | None:
    evaluation = config.evaluation
    for programs, tests in evaluation.bon_sizes:
        if programs > evaluation.n_programs or tests > evaluation.m_tests:
            return Conflict(
                "evaluation.bon_sizes",
                f"best-of-N size {programs}x{tests} is larger than "
                f"the {evaluation.n_programs}x{evaluation.m_tests} samples of an evaluation",
                "drop the size, or raise evaluation.n_programs and evaluation.m_tests",
            )
    return None


def best_of_n_sizes_differ(config: RunConfig) -> Conflict | None:
    sizes = config.evaluation.bon_sizes
    if len(set(sizes)) == len(sizes):
        return None
    return Conflict("evaluation.bon_sizes", "a best-of-N size is listed twice", "list each size once")


def splits_are_disjoint(config: RunConfig) -> Conflict | None:
    """Require different sources for the splits: an accuracy on tasks used for training or choices is biased."""
    seen: dict[str, str] = {}
    for split, source in (
        ("train", config.data.train),
        ("validation", config.data.validation),
        ("heldout", config.data.heldout),
    ):
        if source in seen:
            return Conflict(
                f"data.{split}",
                f"{split} and {seen[source]} are the same tasks ('{source}')",
                "give each split tasks of its own: accuracies on shared tasks are biased",
            )
        seen[source] = split
    return None


def nf4_computes_in_half_precision(config: RunConfig) -> Conflict | None:
    if config.policy.precision != "nf4" or config.model.dtype != "fp32":
        return None
    return Conflict(
        "policy.precision",
        'nf4 weights do not go with model.dtype = "fp32"',
        'set model.dtype = "bf16", or policy.precision = "fp32"',
    )


def vllm_takes_only_some_ranks(config: RunConfig) -> Conflict | None:
    if config.rollout.sampler != "vllm" or config.policy.lora_rank in VLLM_LORA_RANKS:
        return None
    return Conflict(
        "policy.lora_rank",
        f"vLLM takes no adapter of rank {config.policy.lora_rank}",
        f"use one of {', '.join(map(str, VLLM_LORA_RANKS))}",
    )


def nf4_sampler_keeps_its_weights(config: RunConfig) -> Conflict | None:
    """Refuse sleep level 2 with NF4: vLLM reads weights again only into the layers of the checkpoint's own format."""
    if config.rollout.sampler != "vllm" or config.vllm.sleep_level != 2 or config.vllm.precision != "nf4":
        return None
    return Conflict(
        "vllm.sleep_level",
        "vLLM cannot load NF4 weights again after a sleep of level 2",
        'set vllm.sleep_level = 1, or vllm.precision = "dtype"',
    )


def fp8_computes_in_half_precision(config: RunConfig) -> Conflict | None:
    fp8 = [name for name in ("precision", "kv_cache_dtype") if getattr(config.vllm, name) == "fp8"]
    if config.rollout.sampler != "vllm" or not fp8 or config.model.dtype != "fp32":
        return None
    unscaled = "dtype" if fp8[0] == "precision" else "auto"
    return Conflict(
        f"vllm.{fp8[0]}",
        f'vLLM has no fp8 kernels for model.dtype = "fp32" (vllm.{fp8[0]} = "fp8")',
        f'set model.dtype = "bf16", or vllm.{fp8[0]} = "{unscaled}"',
    )


def fp8_cache_has_no_nf4_weights(config: RunConfig) -> Conflict | None:
    """Refuse an fp8 cache over NF4 weights: the two errors add up, and fp8 weights sample faster than NF4 ones."""
    vllm = config.vllm
    if config.rollout.sampler != "vllm" or vllm.kv_cache_dtype != "fp8" or vllm.precision != "nf4":
        return None
    return Conflict(
        "vllm.kv_cache_dtype",
        "an fp8 KV cache does not go with NF4 weights: their errors add up",
        'set vllm.precision = "fp8", or vllm.kv_cache_dtype = "auto"',
    )


def sequential_updates_are_whole(config: RunConfig) -> Conflict | None:
    """Require one mini-batch: `sequential` reproduces the published code, which takes one optimiser step a role."""
    if config.policy.update != "sequential" or config.policy.mini_batches == 1:
        return None
    return Conflict(
        "policy.mini_batches",
        f"a sequential update is one optimiser step a role, not {config.policy.mini_batches}",
        'set policy.mini_batches = 1, or policy.update = "joint"',
    )


def constant_schedule_does_not_fall(config: RunConfig) -> Conflict | None:
    if config.policy.schedule != "constant" or config.policy.final_lr_share == 1.0:
        return None
    return Conflict(
        "policy.final_lr_share",
        f"a constant learning rate does not end at {config.policy.final_lr_share} of its peak",
        'set policy.final_lr_share = 1.0, or policy.schedule = "linear" or "cosine"',
    )


def micro_batch_holds_the_longest_answer(config: RunConfig) -> Conflict | None:
    """Require room for the longest answer: a sample is never split, so a smaller bound could not be kept."""
    rollout = config.rollout
    longest = max(rollout.max_new_tokens_coder, rollout.max_new_tokens_tester)
    if config.policy.micro_batch_tokens >= longest or config.policy.engine != "local":
        return None
    return Conflict(
        "policy.micro_batch_tokens",
        f"{config.policy.micro_batch_tokens} tokens do not hold one answer of {longest}",
        "raise policy.micro_batch_tokens, or lower rollout.max_new_tokens_coder and _tester",
    )


def curriculum_rises(config: RunConfig) -> Conflict | None:
    lengths = config.rollout.length_curriculum
    if all(shorter < longer for shorter, longer in pairwise(lengths)):
        return None
    return Conflict(
        "rollout.length_curriculum",
        f"the limits {', '.join(map(str, lengths))} do not rise",
        "give them in ascending order, without the last, which is max_new_tokens",
    )


def curriculum_goes_on(config: RunConfig) -> Conflict | None:
    rollout = config.rollout
    if not rollout.length_curriculum or rollout.length_steps or rollout.length_truncated:
        return None
    return Conflict(
        "rollout.length_curriculum",
        f"answers would stay at {rollout.length_curriculum[0]} tokens: nothing raises the limit",
        "set rollout.length_steps = 10, or rollout.length_truncated = 0.1",
    )


def post_stage_hides_the_example(config: RunConfig) -> Conflict | None:
    """Require a hidden example: a tester that sees it earns the strict reward of the post stage by copying it."""
    if not config.reward.tester_variant.startswith("post-stage") or not config.model.show_example:
        return None
    return Conflict(
        "model.show_example",
        "the post stage takes the public example out of the tester's prompt",
        'set model.show_example = false, or reward.tester_variant = "cure"',
    )


def short_prompts_do_not_think(config: RunConfig) -> Conflict | None:
    if config.model.prompt_style != "short" or not config.model.thinking:
        return None
    return Conflict(
        "model.thinking",
        "short prompts do not ask for thinking",
        'set model.thinking = false, or model.prompt_style = "full"',
    )


def labels_without_truth_keep_a_kl(config: RunConfig) -> Conflict | None:
    """Require a KL penalty: rewards by agreement sharpen the policy without end, and those by a tester's tests, too."""
    if config.reward.labels == "hidden" or config.policy.kl_beta > 0:
        return None
    return Conflict(
        "policy.kl_beta",
        f"labels {config.reward.labels} collapse without a KL penalty",
        'set policy.kl_beta = 0.02, or reward.labels = "hidden"',
    )


def anchors_are_enough(config: RunConfig) -> Conflict | None:
    anchors = config.reward.anchors
    if config.reward.labels == "hidden" or anchors == 0 or anchors >= FEWEST_ANCHORS:
        return None
    return Conflict(
        "reward.anchors",
        f"{anchors} anchors are too few to tell drift from chance",
        f"set reward.anchors = {FEWEST_ANCHORS} or more, or 0 for a run without",
    )


def unanchored_tasks_suffice(config: RunConfig) -> Conflict | None:
    """Require small steps: an unanchored run has 128 tasks, and none may come again within four steps."""
    reward, needed = config.reward, tasks_needed(config)
    if reward.labels == "hidden" or reward.anchors or needed <= MOST_UNANCHORED:
        return None
    return Conflict(
        "reward.anchors",
        f"a run without anchors learns from {MOST_UNANCHORED} tasks at most, and these steps need {needed} of them",
        f"set reward.anchors = {FEWEST_ANCHORS}, or lower rollout.tasks_per_step or reward.refill_rounds",
    )


def consensus_compares_programs(config: RunConfig) -> Conflict | None:
    """Require three programs: two that agree, and one that they differ from."""
    if config.reward.labels != "consensus" or config.rollout.n_programs >= 3:
        return None
    return Conflict(
        "rollout.n_programs",
        f"{config.rollout.n_programs} programs cannot agree against another one",
        'set rollout.n_programs = 8 or more, or reward.labels = "hidden"',
    )


def references_judge_beside_hidden_tests(config: RunConfig) -> Conflict | None:
    """Refuse references beside labels that are to do without: they are ground-truth code."""
    reward = config.reward
    if reward.tester_supervision == "none" or reward.labels == "hidden":
        return None
    return Conflict(
        "reward.tester_supervision",
        f"reference programs are ground-truth code, which labels {reward.labels} do without",
        'set reward.tester_supervision = "none", or reward.labels = "hidden"',
    )


def validity_takes_references(config: RunConfig) -> Conflict | None:
    if config.reward.tester_variant != "validity" or config.reward.tester_supervision == "reference":
        return None
    return Conflict(
        "reward.tester_variant",
        "validity is judged by reference programs",
        'set reward.tester_supervision = "reference", or reward.tester_variant = "cure"',
    )


RULES: tuple[Callable[[RunConfig], Conflict | None], ...] = (
    best_of_n_needs_that_many_samples,
    best_of_n_sizes_differ,
    splits_are_disjoint,
    nf4_computes_in_half_precision,
    vllm_takes_only_some_ranks,
    nf4_sampler_keeps_its_weights,
    fp8_computes_in_half_precision,
    fp8_cache_has_no_nf4_weights,
    sequential_updates_are_whole,
    constant_schedule_does_not_fall,
    micro_batch_holds_the_longest_answer,
    curriculum_rises,
    curriculum_goes_on,
    post_stage_hides_the_example,
    short_prompts_do_not_think,
    labels_without_truth_keep_a_kl,
    anchors_are_enough,
    unanchored_tasks_suffice,
    consensus_compares_programs,
    references_judge_beside_hidden_tests,
    validity_takes_references,
    *TINKER_RULES,
)
