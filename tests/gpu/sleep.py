"""Sleep levels of vLLM: what a rest frees, what rest and wake take, and whether the same weights answer afterwards."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import fmean

import torch

from engine.presets import load_preset
from engine.prompts import Role
from engine.sampling import Completion, Request, SamplingParams
from engine.sampling.vllm import VllmSampler
from engine.sampling.vllm.compat import installed_version
from engine.train.assembly import load_splits, prompt_encoder
from engine.train.learners.local import load_policy
from engine.train.samplers import Surroundings, choose_sampler
from tests.gpu import workbench as bench
from tests.gpu.workbench import GIB

ROUNDS = 3


def measure(level: int, device: torch.device) -> list[object]:
    """Measure the rests of one level with the embedded model, which starts quickly; its cache is fixed at 2 GiB."""
    dtype = "bf16" if device.type == "cuda" else "fp32"
    overrides = [
        "rollout.sampler=vllm", f"vllm.sleep_level={level}", f"policy.precision={dtype}", f"model.dtype={dtype}",
        f"vllm.kv_cache_gb={2.0 if device.type == 'cuda' else 0.25}", "run.threads=1",
    ]  # fmt: skip
    config = load_preset("nano", overrides)
    policy, tokenizer = load_policy(config)
    encode = prompt_encoder(config, tokenizer)
    prompts = [encode(task, role) for task in load_splits(config)[0][:4] for role in Role]
    requests = [Request(str(place), prompt, 4, place) for place, prompt in enumerate(prompts)]
    notices: list[str] = []

    def answers() -> list[Completion]:
        found = sampler.sample(requests, SamplingParams(1.0, 1.0, 48))
        return sorted(found, key=lambda each: (each.request_id, each.index))

    with tempfile.TemporaryDirectory() as place:
        surroundings = Surroundings(Path(place), Path(place) / "engine.log", notices.append)
        sampler = choose_sampler(config, policy, tokenizer, prompts, surroundings)
        assert isinstance(sampler, VllmSampler)
        try:
            began = time.perf_counter()
            first = answers()
            start, rests, wakes, freed = time.perf_counter() - began, [], [], []
            same = True
            for _ in range(ROUNDS):
                held = _taken(device)
                began = time.perf_counter()
                sampler.rest()
                rests.append(time.perf_counter() - began)
                freed.append(held - _taken(device))
                sampler.take_swap_seconds()
                again = answers()
                wakes.append(sampler.take_swap_seconds())
                same &= [each.token_ids for each in again] == [each.token_ids for each in first]
            gap = sampler.canary.gap if sampler.canary is not None else float("nan")
        finally:
            sampler.close()
    return [
        level, f"{start:.1f}", f"{fmean(rests):.2f}", f"{fmean(wakes):.2f}",
        f"{fmean(freed):.2f}" if device.type == "cuda" else "-", "same" if same else "other", f"{gap:.2g}",
        "; ".join(notices) or "none",
    ]  # fmt: skip


def _taken(device: torch.device) -> float:
    """Return the GiB of the card that all processes hold."""
    if device.type != "cuda":
        return 0.0
    free, total = torch.cuda.mem_get_info(device)
    return (total - free) / GIB


def report(arguments: argparse.Namespace) -> None:
    device = bench.start(arguments)
    if installed_version() is None:
        print("vLLM is not installed: left out.\n")
        return
    rows = []
    for level in arguments.sleep_levels:
        bench.say(f"sleep level {level}")
        rows.append(measure(level, device))
    heads = ["level", "start s", "rest s", "wake s", "freed GiB", "answers after it", "gap in nats", "notices"]
    bench.table(heads, rows)
