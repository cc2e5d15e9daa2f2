"""Plan of a run against what a CPU run measures: memory of the processes, adapter, optimiser, KV cache, disk, rates.

    OMP_NUM_THREADS=1 python tests/benchmarks/plan.py [--hidden 512 --layers 8] [--bf16] [--model FOLDER]

A random Qwen3 of the given size samples and is updated in a process of its own; after each phase the process tells its
peak of resident memory, which the kernel can reset in between. What only a GPU can show (contexts, graphs, pinned
memory) is in tests/gpu.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from engine.config import RunConfig  # noqa: E402
from engine.machine.memory_plan import MemoryPlan, plan_memory_on_cpu  # noqa: E402
from engine.machine.memory_plan.calibration import (  # noqa: E402
    INTERFACE_PROCESS,
    SHORT_PROMPT_TOKENS,
    TRAINER_PROCESS_CPU,
)
from engine.presets import load_preset  # noqa: E402

if TYPE_CHECKING:
    from engine.policy import Policy

MIB = 2**20
PROMPT = SHORT_PROMPT_TOKENS  # the plan is for the longest prompt


def settings(arguments: argparse.Namespace, folder: str) -> RunConfig:
    """Return nano's preset on the model in `folder`, with answers and batches large enough to measure."""
    precision = "bf16" if arguments.bf16 else "fp32"
    overrides = [
        f"model.source={folder}", f"model.dtype={precision}", f"policy.precision={precision}", "rollout.max_batch=64",
        "rollout.n_programs=16", "rollout.m_tests=16", "rollout.tasks_per_step=4", "rollout.max_new_tokens_coder=96",
        "policy.micro_batch_tokens=4096", f"policy.checkpoint_activations={str(arguments.checkpoint).lower()}",
        f"run.threads={arguments.threads}", f"rollout.sampling_threads={arguments.threads}",
    ]  # fmt: skip
    return load_preset("nano", overrides, Path("/none"))


def resident(peak: bool = False) -> float:
    """Return this process's resident memory in bytes, or its peak since `reset_peak`."""
    field = "VmHWM" if peak else "VmRSS"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return float(line.split()[1]) * 1024
    raise AssertionError(field)


def reset_peak() -> None:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Measure in this process; return bytes, and tokens a second."""
    config = settings(arguments, arguments.model)
    import torch

    import engine.train.run  # noqa: F401  (the whole engine, as in a run)
    from engine.machine.process_memory import keep_freed_memory
    from engine.policy import TrainSample
    from engine.sampling import Request, SamplingParams
    from engine.sampling.local.sampler import TransformersSampler
    from engine.train.learners.local import load_policy

    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    found = {"engine, without a model": resident()}
    policy, tokenizer = load_policy(config)
    gc.collect()
    found["with a model"] = resident()
    parameters = [each for each in policy.model.parameters() if each.requires_grad]
    found["adapters"] = float(sum(each.numel() * each.element_size() for each in parameters))
    sampler = TransformersSampler(
        policy.model, tokenizer, max_batch=config.rollout.max_batch, threads=arguments.threads, eos_ids=()
    )
    prompt = tuple(range(5, 5 + PROMPT))
    requests = [Request(str(number), prompt, 16, number) for number in range(4)]
    reset_peak()
    started = time.monotonic()
    with largest_table() as tables:
        completions = list(sampler.sample(requests, SamplingParams(1.0, 1.0, 96)))
    found["sampled a second"] = sum(len(each.token_ids) for each in completions) / (time.monotonic() - started)
    found["sampling"] = resident(peak=True)
    found["KV bytes a token"] = tables["bytes"] / tables["tokens"]
    samples = [
        TrainSample(prompt, each.token_ids, each.logprobs, (-1.0) ** each.index, "coder") for each in completions
    ]
    policy.update(samples[:16])
    reset_peak()
    started = time.monotonic()
    policy.update(samples)
    tokens = sum(len(each.token_ids) for each in completions) + 4 * len(prompt)
    found["trained a second"] = tokens / (time.monotonic() - started)
    found["update"] = resident(peak=True)
    with tempfile.TemporaryDirectory() as place:
        policy.save_state(Path(place))
        found["checkpoint"] = float(sum(file.stat().st_size for file in Path(place).rglob("*") if file.is_file()))
    found["optimiser"] = _optimiser_bytes(policy)
    return found


def _optimiser_bytes(policy: Policy) -> float:
    """Return the bytes of all moments."""
    import torch

    states = policy._optimiser.state.values()  # noqa: SLF001  (nothing else tells them)
    tensors = [each for state in states for each in state.values() if isinstance(each, torch.Tensor) and each.dim()]
    return float(sum(each.numel() * each.element_size() for each in tensors))


@contextlib.contextmanager
def largest_table() -> Iterator[dict[str, float]]:
    """Watch the KV tables that grow; hold the bytes and tokens of the largest."""
    from engine.sampling.local.kv_table import KVTable

    largest = {"bytes": 0.0, "tokens": 1.0}
    reserve = KVTable.reserve

    def watched(table: KVTable, rows: int, columns: int) -> None:
        reserve(table, rows, columns)
        size = float(sum(each.numel() * each.element_size() for each in table._layers))  # noqa: SLF001
        if size > largest["bytes"]:
            largest.update(bytes=size, tokens=float(table.rows * table.columns))

    KVTable.reserve = watched  # type: ignore[method-assign]
    try:
        yield largest
    finally:
        KVTable.reserve = reserve  # type: ignore[method-assign]


def interface_memory() -> float:
    """Return the resident memory of `cure-tui` while it follows a run without the dashboard."""
    code = "import cure_tui.cli, cure_tui.headless.run; print(open('/proc/self/status').read())"
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return next(float(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmRSS"))


def make_model(folder: Path, arguments: argparse.Namespace) -> None:
    """Write a random Qwen3 with nano's tokenizer."""
    import shutil

    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    hidden = arguments.hidden
    config = Qwen3Config(
        hidden_size=hidden, num_hidden_layers=arguments.layers, intermediate_size=3 * hidden,
        num_attention_heads=hidden // 64, num_key_value_heads=max(1, hidden // 192), head_dim=64,
        vocab_size=arguments.vocabulary, tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config).to(torch.bfloat16 if arguments.bf16 else torch.float32)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(ROOT / "assets/nano" / name, folder)


def rows_of(plan: MemoryPlan, found: dict[str, float]) -> Iterator[tuple[str, float, float]]:
    """Yield name, planned and measured of each part, in MiB but for the KV bytes."""
    sampling, update = ({part.name: part.bytes for part in phase.parts} for phase in (plan.sampling, plan.update))
    beside = ("cure-tui", "sandbox, programs at their limit")
    weights = sum(value for name, value in sampling.items() if name.startswith(("base weights", "adapters, rank")))
    yield "engine with a model, MiB", (TRAINER_PROCESS_CPU + weights) / MIB, found["with a model"] / MIB
    yield "adapters, MiB", _part(sampling, "adapters, rank") / MIB, found["adapters"] / MIB
    yield "optimiser, MiB", _part(update, "optimiser") / MIB, found["optimiser"] / MIB
    assert plan.kv_cache is not None
    yield "KV bytes a token", float(plan.kv_cache.bytes_per_token), found["KV bytes a token"]
    # The optimiser has no moments before the first update.
    planned = sum(value for name, value in sampling.items() if name not in beside) - _part(sampling, "optimiser")
    yield "engine's peak while sampling, MiB", planned / MIB, found["sampling"] / MIB
    yield (
        "engine's peak in an update, MiB",
        sum(value for name, value in update.items() if name not in beside) / MIB,
        found["update"] / MIB,
    )
    checkpoint = _part(sampling, "adapters, rank") + _part(sampling, "optimiser")
    yield "a checkpoint, MiB", checkpoint / MIB, found["checkpoint"] / MIB


def _part(parts: dict[str, float], start: str) -> float:
    return sum(value for name, value in parts.items() if name.startswith(start))


def compare(arguments: argparse.Namespace) -> list[tuple[str, float, float]]:
    """Plan, measure in a process of its own, and return the rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.model:
            make_model(Path(folder), arguments)
        model = arguments.model or folder
        plan = plan_memory_on_cpu(settings(arguments, model), 16.0, 16.0)
        assert plan is not None
        command = [sys.executable, __file__, *sys.argv[1:], "--child", "--model", model]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        if done.returncode:
            raise SystemExit(done.stderr)
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"{plan.shape.parameters / 1e6:.1f} million parameters")
        rows = list(rows_of(plan, found))
        forward = 2e-9 * plan.shape.parameters
        print(f"decoding {found['sampled a second']:,.0f} tokens/s: {found['sampled a second'] * forward:.1f} GFLOP/s")
        passes = 4 if arguments.checkpoint else 3
        trained = found["trained a second"]
        print(f"update {trained:,.0f} tokens/s: {trained * forward * passes:.1f} GFLOP/s ({passes} passes)")
    return [*rows, ("cure-tui without the dashboard, MiB", INTERFACE_PROCESS / MIB, interface_memory() / MIB)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--checkpoint", action="store_true", help="with recomputed activations")
    parser.add_argument("--model", default="", help="a model's folder instead of a random model")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(arguments)))
        return
    print(f"{'part':<40}{'planned':>10}{'measured':>10}{'planned / measured':>20}")
    for name, planned, measured in compare(arguments):
        print(f"{name:<40}{planned:>10,.1f}{measured:>10,.1f}{planned / measured:>20.2f}")


if __name__ == "__main__":
    main()
