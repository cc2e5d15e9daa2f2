"""Tokens/s of VllmSampler, with streamed deltas and decoded completions, against bare `LLM.generate`.

Both hold the embedded model with an adapter, in one process each, with the same engine arguments, and draw the same
requests with the same seeds; they take turns, round by round. A small model is the hard case: its steps are short, so
the work between them counts most. Run in the environment of `make test-vllm`:

    .venv-vllm/bin/python tests/benchmarks/vllm_sampling.py [--rounds 5] [--groups 8] [--n 16]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from engine.sampling.vllm.compat import installed_version
from engine.sampling.vllm.process import environment

NEW_TOKENS = 96


def bare(connection: Connection, arguments: dict[str, Any], adapter: str, log: Path) -> None:
    """Sample the received requests until None arrives; answer each time with tokens and seconds."""
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    from vllm import LLM, SamplingParams
    from vllm.inputs import tokens_input
    from vllm.lora.request import LoRARequest

    llm = LLM(**arguments)
    lora = LoRARequest("policy", 1, adapter)
    connection.send("ready")
    while (asked := connection.recv()) is not None:
        prompts = [tokens_input(list(prompt)) for prompt, _, _ in asked]
        params = [
            SamplingParams(
                temperature=1.0, max_tokens=NEW_TOKENS, seed=seed, ignore_eos=True, stop_token_ids=list(stop_ids),
                logprobs=0, flat_logprobs=True, detokenize=False,
            )
            for _, seed, stop_ids in asked
        ]  # fmt: skip
        started, cpu = time.perf_counter(), time.process_time()
        outputs = llm.generate(prompts, params, lora_request=lora, use_tqdm=False)
        cpu, seconds = time.process_time() - cpu, time.perf_counter() - started
        connection.send((sum(len(output.outputs[0].token_ids) for output in outputs), seconds, cpu))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--groups", type=int, default=8)
    parser.add_argument("--n", type=int, default=16)
    numbers = parser.parse_args()
    if installed_version() is None:
        print("vLLM is not installed: left out (see `make test-vllm`)")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), numbers.rounds, numbers.groups, numbers.n)
    return 0


def measure(folder: Path, rounds: int, groups: int, n: int) -> None:
    from engine.presets import load_preset
    from engine.prompts import Role
    from engine.sampling import Request, SamplingParams
    from engine.sampling.vllm import VllmSampler
    from engine.seeds import derive_seed
    from engine.train.assembly import load_splits, prompt_encoder
    from engine.train.learners.local import load_policy
    from engine.train.samplers import Surroundings, choose_sampler

    config = load_preset("nano", ['rollout.sampler="vllm"', "run.threads=1"])
    policy, tokenizer = load_policy(config)
    encode = prompt_encoder(config, tokenizer)
    prompts = [encode(problem, role) for problem in load_splits(config)[0][:groups] for role in Role]
    sampler = choose_sampler(config, policy, tokenizer, prompts, Surroundings(folder, folder / "ours.log"))
    if not isinstance(sampler, VllmSampler):
        raise TypeError(type(sampler))
    policy.export_adapter(folder / "adapter")
    requests = [Request(f"r{place}", prompt, n, place) for place, prompt in enumerate(prompts[:groups])]
    settings = sampler.settings
    asked = [
        (request.prompt_ids, derive_seed(request.seed, "sample", index), settings.stop_ids)
        for request in requests
        for index in range(n)
    ]
    os.environ.update(environment(os.environ, threads=1))
    mine, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    arguments = (theirs, settings.engine_arguments(), str(folder / "adapter"), folder / "bare.log")
    process = context.Process(target=bare, args=arguments)
    process.start()
    mine.recv()

    def ours() -> tuple[int, float, float]:
        worker = psutil.Process(sampler.process_id)
        started, cpu = time.perf_counter(), sum(worker.cpu_times()[:2])
        completions = list(sampler.sample(requests, SamplingParams(1.0, 1.0, NEW_TOKENS), lambda delta: None))
        seconds = time.perf_counter() - started
        tokens = sum(len(completion.token_ids) for completion in completions)
        return tokens, seconds, sum(worker.cpu_times()[:2]) - cpu

    def plain() -> tuple[int, float, float]:
        mine.send(asked)
        tokens, seconds, cpu = mine.recv()
        return tokens, seconds, cpu

    sides: dict[str, Callable[[], tuple[int, float, float]]] = {"VllmSampler": ours, "bare vLLM": plain}
    list(sampler.sample(requests, SamplingParams(1.0, 1.0, NEW_TOKENS)))  # starts, judges the weights, warms up
    plain()
    speeds: dict[str, list[float]] = {name: [] for name in sides}
    by_cpu: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in list(sides) if number % 2 else list(sides)[::-1]:
            tokens, seconds, cpu = sides[name]()
            speeds[name].append(tokens / seconds)
            by_cpu[name].append(tokens / cpu)
            print(f"round {number + 1}  {name:12} {tokens:6,} tokens  {tokens / seconds:8,.0f} tokens/s", flush=True)
    mine.send(None)
    process.join()
    sampler.close()
    print(f"\n{groups * n} answers a round, vLLM {installed_version()}, one CPU thread; medians of {rounds} rounds")
    print("CPU seconds are those of the process with vLLM in it: they tell, too, where the machine is busy with others")
    for what, measured in (("tokens/s", speeds), ("tokens/CPU s", by_cpu)):
        ratios = [ours_ / bare_ for ours_, bare_ in zip(*measured.values(), strict=True)]
        for name, values in measured.items():
            print(f"{name:12} {statistics.median(values):8,.0f} {what}")
        print(f"ratio        {statistics.median(ratios):8.3f}  ({min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    sys.exit(main())
