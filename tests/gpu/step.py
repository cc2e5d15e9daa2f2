"""One whole step at full size: rollouts by vLLM at each sleep level and by transformers, then the update.

The preset's variant for `--cap-gib`, on random weights. They write text without a program, so nothing is executed and
advantages are synthetic; everything else is the run's own: sampler, sleep and wake, hot-swap, canary, update.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.config import RunConfig
from engine.machine.memory_plan import MemoryPlan, changes_that_fit, kv_cache_bytes, plan_memory
from engine.machine.probe import probe_machine
from engine.policy import Policy, TrainSample, UpdateReport
from engine.presets import load_preset
from engine.prompts import Role
from engine.sampling import Completion, Request, Sampler, SamplingParams
from engine.sampling.swapping import Swaps
from engine.sampling.vllm.compat import installed_version
from engine.train.assembly import load_splits, prompt_encoder
from engine.train.learners.local import load_policy
from engine.train.samplers import Surroundings, choose_sampler
from tests.gpu import workbench as bench
from tests.gpu.workbench import GIB

PROMPT_TASKS = 1
"""Tasks of the step, each with a coder's and a tester's prompt."""


@dataclass
class CardPeak:
    """Sampler of the card's peak memory over all processes, in GiB; 0 without a GPU."""

    gib: float = 0.0


@contextmanager
def watched_card() -> Iterator[CardPeak]:
    peak, over = CardPeak(), threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            used = [gpu.memory_gb - gpu.free_gb for gpu in probe_machine().gpus]
            peak.gib = max([peak.gib, *used])

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def configuration(
    name: str, folder: Path, sampler: str, sleep_level: int | None, arguments: argparse.Namespace
) -> RunConfig:
    """Return the preset's variant for the cap, with the changes that let this sampler fit into it."""
    variant = int(arguments.cap_gib)
    answer = arguments.answer_tokens
    overrides = [
        f"model.source={folder}",
        f"rollout.sampler={sampler}",
        f"rollout.max_new_tokens_coder={answer}",
        f"rollout.max_new_tokens_tester={answer}",
        f"policy.micro_batch_tokens={max(answer, 2048)}",
        *([] if sleep_level is None else [f"vllm.sleep_level={sleep_level}"]),
        *(f'data.{split}="asset:nano/tasks/{split}.jsonl"' for split in ("train", "validation", "heldout")),
    ]
    if arguments.dry:
        overrides += ["policy.precision=fp32", "model.dtype=fp32", "rollout.max_batch=8"]
        return load_preset(f"{name}@{variant}", overrides)
    config = load_preset(f"{name}@{variant}", overrides)
    changes = changes_that_fit(config, arguments.cap_gib)
    if changes is None:
        sys.exit(f"{name} does not fit into {arguments.cap_gib:g} GiB with {sampler}")
    overrides += [f"{key}={str(value).lower()}" for key, value in changes]
    config = load_preset(f"{name}@{variant}", overrides)
    cache = kv_cache_bytes(config, arguments.cap_gib)  # for the pretended card, not for the real one
    if sampler == "vllm" and cache is not None:
        overrides.append(f"vllm.kv_cache_gb={cache / GIB:.3f}")
    return load_preset(f"{name}@{variant}", overrides)


HEADS = (
    "rollouts", "update in", "sampled tokens/s", "trained tokens/s", "sampling s", "update s", "swap s",
    "neither", "card while sampling, GiB / plan", "card while updating, GiB / plan", "trainer / sampler",
)  # fmt: skip


def sample(sampler: Sampler, prompts: list[tuple[int, ...]], n: int, tokens: int, seed: int) -> list[Completion]:
    requests = [Request(str(place), prompt, n, seed + place) for place, prompt in enumerate(prompts)]
    return list(sampler.sample(requests, SamplingParams(1.0, 1.0, tokens)))


def update(policy: Policy, prompts: list[tuple[int, ...]], completions: list[Completion]) -> UpdateReport:
    """Train all answers, with alternating advantages."""
    samples = [
        TrainSample(
            prompts[int(each.request_id)],
            each.token_ids,
            each.logprobs,
            1.0 if each.index % 2 else -1.0,
            "coder" if int(each.request_id) % 2 == 0 else "tester",
        )
        for each in completions
    ]
    return policy.update(samples)


def measure(config: RunConfig, device: torch.device, arguments: argparse.Namespace) -> list[object]:
    """Measure one row of the table."""
    policy, tokenizer = load_policy(config)
    encode = prompt_encoder(config, tokenizer)
    tasks = load_splits(config)[0][:PROMPT_TASKS]
    prompts = [encode(task, role) for task in tasks for role in Role]
    with tempfile.TemporaryDirectory() as place:
        surroundings = Surroundings(Path(place), Path(place) / "engine.log", bench.say)
        sampler = choose_sampler(config, policy, tokenizer, prompts, surroundings)
        try:
            return _measured_step(config, policy, sampler, prompts, device, arguments)
        finally:
            sampler.close()


def _measured_step(
    config: RunConfig,
    policy: Policy,
    sampler: Sampler,
    prompts: list[tuple[int, ...]],
    device: torch.device,
    arguments: argparse.Namespace,
) -> list[object]:
    n, answer = arguments.answers, config.rollout.max_new_tokens_coder  # what fits
    bench.say("a short step to warm up")
    short = sample(sampler, prompts, n, min(answer, 64), seed=0)
    sampler.rest()
    update(policy, prompts, short)
    if isinstance(sampler, Swaps):
        sampler.take_swap_seconds()
    bench.say(f"the step: {len(prompts)} prompts x {n} answers of {answer:,} tokens")
    began = time.perf_counter()
    with watched_card() as card, bench.measured(device) as sampling:
        completions = sample(sampler, prompts, n, answer, seed=1000)
    sampling_card = card.gib
    before_rest = time.perf_counter()
    sampler.rest()
    resting = time.perf_counter() - before_rest
    with watched_card() as card, bench.measured(device) as updating:
        report = update(policy, prompts, completions)
    whole = time.perf_counter() - began
    swaps = sampler.take_swap_seconds() if isinstance(sampler, Swaps) else 0.0
    sampled = sum(len(each.token_ids) for each in completions)
    plan = plan_memory(config, arguments.cap_gib)
    with_vllm = config.rollout.sampler == "vllm"
    return [
        f"vllm, sleep level {config.vllm.sleep_level}" if with_vllm else config.rollout.sampler,
        config.policy.precision,
        f"{sampled / sampling.seconds:,.0f}",
        f"{report.tokens / updating.seconds:,.0f}",
        f"{sampling.seconds:.1f}",
        f"{updating.seconds:.1f}",
        f"{max(swaps, resting):.1f}",
        f"{(whole - sampling.seconds - updating.seconds) / whole:.1%}",
        _against(sampling_card, plan, "sampling"),
        _against(card.gib, plan, "update"),
        f"{report.ratio_mean:.3f}",
    ]


def _against(peak_gib: float, plan: MemoryPlan | None, phase: str) -> str:
    if plan is None or not peak_gib:
        return "-"
    planned = (plan.sampling if phase == "sampling" else plan.update).peak_gib
    return f"{peak_gib:.1f} / {planned:.1f}"


def report(arguments: argparse.Namespace) -> None:
    if arguments.dry:
        arguments.answer_tokens, arguments.answers = 24, 4
    device = bench.start(arguments)
    for name in arguments.models:
        rows = []
        print(f"#### {name}, {arguments.answer_tokens:,} tokens per answer\n")
        with tempfile.TemporaryDirectory() as place:
            folder = bench.random_model(Path(place) / name, name, device, arguments.dry)
            for sampler, level in _rows(arguments):
                if sampler == "vllm" and installed_version() is None:
                    print("vLLM is not installed: left out.\n")
                    continue
                bench.say(f"{name} with {sampler}{'' if level is None else f', sleep level {level}'}")
                rows.append(measure(configuration(name, folder, sampler, level, arguments), device, arguments))
                bench.forget()
                bench.table(HEADS, rows[-1:])  # at once: what follows may not come to its end
        if len(rows) > 1:
            bench.table(HEADS, rows)


def _rows(arguments: argparse.Namespace) -> list[tuple[str, int | None]]:
    levels: dict[str, list[int | None]] = {"vllm": [*arguments.sleep_levels]}
    return [(sampler, level) for sampler in arguments.samplers for level in levels.get(sampler, [None])]
