"""The update at full size: tokens/s, peak memory against the plan, tiled loss, packed rows, TRL.

LoRA of rank 32 on random weights, layers recomputed in the backward pass, one sequence of `--tokens` at a time.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from peft import PeftModel

from engine.machine.memory_plan import read_shape
from engine.machine.memory_plan.update_phase import UpdateSetup, update_parts
from engine.models import load_base_model
from engine.policy import (
    Layout,
    Policy,
    TrainSample,
    attach_adapter,
)
from engine.policy.adapter import base_of
from engine.policy.packed.attention import kernels_for
from engine.policy.packed.batching import TokenSequence, build_micro_batch, plan_micro_batches
from engine.policy.packed.logprobs import score_tokens
from engine.policy.packed.recompute import Recompute
from engine.policy.packed.token_scores import score_hidden
from tests.engine.policies import policy_with
from tests.gpu import workbench as bench
from tests.gpu.workbench import GIB, Cost
from tests.trl_side import INSTALL, TrlSettings, trl_is_here, trl_steps

RANK = 32
PROMPT = 512
RAGGED = (1.0, 0.8, 0.6, 0.45, 0.35, 0.25, 0.15, 0.1)
"""Answers of a group as shares of the longest: most end well before the limit."""


def load_policy(folder: Path, precision: str, device: torch.device, tokens: int) -> Policy:
    base = load_base_model(str(folder), precision, device.type)  # type: ignore[arg-type]
    settings = {"learning_rate": 1e-5, "micro_batch_tokens": tokens, "checkpoint_activations": True}
    return policy_with(attach_adapter(base.model, RANK, RANK), base.tokenizer, **settings)


def whole_update(policy: Policy, samples: list[TrainSample], device: torch.device) -> tuple[Cost, int]:
    """Return the cost of an update, after a first one, and its number of answer tokens."""
    policy.update(samples[:1])
    with bench.measured(device) as cost:
        report = policy.update(samples)
    if report.notes or report.nonfinite:
        raise RuntimeError(f"the update did not go as planned: {report}")
    return cost, report.tokens


def planned_gib(folder: Path, precision: str, tokens: int) -> float:
    """Return the trainer's part of the plan without its CUDA context, which torch's allocator does not hold."""
    shape = read_shape(folder / "config.json")
    assert shape is not None
    setup = UpdateSetup(precision, RANK, "adamw", checkpointing=True, tokens=tokens)  # type: ignore[arg-type]
    return sum(part.bytes for part in update_parts(shape, setup)) / GIB


def layouts(policy: Policy, samples: list[TrainSample], device: torch.device) -> list[list[object]]:
    """Measure a forward and backward pass over ragged answers, packed with shared prompts and padded."""
    base = base_of(policy.model)
    recompute = Recompute(base)
    sequences = [TokenSequence(sample.prompt_ids, sample.token_ids) for sample in samples]
    budget, kernel = policy.settings.micro_batch_tokens, kernels_for(device, base.dtype)[0]
    rows: list[list[object]] = []
    for layout in Layout:
        plan = plan_micro_batches(sequences, budget, layout)
        with bench.measured(device) as cost:
            for members in plan:
                batch = build_micro_batch(sequences, members, layout, base.dtype, base.device, kernel)
                with recompute.trained_pass():
                    (-score_tokens(policy.model, batch).logprobs_a.mean()).backward()
                policy.model.zero_grad(set_to_none=True)
        tokens = sum(len(sample.token_ids) for sample in samples)
        rows.append([layout, len(plan), f"{tokens / cost.seconds:,.0f}", cost.gib])
    return rows


def losses(model: PeftModel, tokens: int, device: torch.device) -> list[list[object]]:
    """Measure the head's forward and backward pass: in tiles, and with all logits at once."""
    weight_vh = base_of(model).get_output_embeddings().weight
    hidden_ah = torch.randn(tokens, weight_vh.shape[1], dtype=weight_vh.dtype, device=device)
    ids_a = torch.randint(weight_vh.shape[0], (tokens,), device=device)

    def tiled(leaf: torch.Tensor, ids_a: torch.Tensor) -> torch.Tensor:
        return score_hidden(leaf, weight_vh, ids_a)[0]

    def plain(leaf: torch.Tensor, ids_a: torch.Tensor) -> torch.Tensor:
        return torch.log_softmax((leaf @ weight_vh.t()).float(), -1).gather(1, ids_a[:, None])[:, 0]

    rows: list[list[object]] = []
    for name, score in (("tiled", tiled), ("all logits", plain)):
        before = torch.cuda.memory_allocated() if device.type == "cuda" else 0
        try:
            score(hidden_ah[:8].requires_grad_(), ids_a[:8]).sum().backward()
            with bench.measured(device) as cost:
                score(hidden_ah.detach().requires_grad_(), ids_a).sum().backward()
        except torch.OutOfMemoryError:
            bench.forget()
            rows.append([name, "out of memory", "-"])
            continue
        extra = f"{(cost.allocated - before) / GIB:.2f}" if cost.allocated else "-"
        rows.append([name, f"{1000 * cost.seconds:,.0f}", extra])
    return rows


def beside_trl(folder: Path, precision: str, device: torch.device, samples: list[TrainSample]) -> list[object]:
    """Measure TRL's update on the same answers: tokens/s and peak, or the reason for having none."""
    base = load_base_model(str(folder), precision, device.type)  # type: ignore[arg-type]
    prompts = list(dict.fromkeys(sample.prompt_ids for sample in samples))
    members = len(samples) // len(prompts)
    longest = max(len(sample.token_ids) for sample in samples)
    settings = TrlSettings(
        members, 1, 2, longest, RANK, RANK, 0.01, 1e-5, recompute=True, bf16=device.type == "cuda"
    )  # fmt: skip
    messages = [[{"role": "user", "content": str(number)}] for number in range(len(prompts))]
    try:
        step = trl_steps(base.model, base.tokenizer, messages, settings, answers=samples)[-1]
    except torch.OutOfMemoryError:
        return ["out of memory", "-"]
    peak = f"{step.peak_bytes / GIB:.2f}" if step.peak_bytes else "-"
    return [f"{step.tokens / step.update_seconds:,.0f}", peak]


def measure(name: str, precision: str, folder: Path, device: torch.device, arguments: argparse.Namespace) -> None:
    tokens = arguments.tokens
    planned = planned_gib(folder, precision, tokens)
    print(f"#### {name}, {precision}, {tokens:,} tokens per sequence\n")
    if device.type == "cuda" and planned > arguments.cap_gib:
        print(f"Left out: the plan needs {planned:.1f} GiB.\n")
        return
    bench.say(f"{name} in {precision}")
    policy = load_policy(folder, precision, device, tokens)
    prompt = min(PROMPT, tokens // 4)
    samples = bench.made_up_samples(2, (1.0, 1.0), prompt, tokens - prompt + 1)
    cost, trained = whole_update(policy, samples, device)
    rows = [["cure-tui", f"{trained / cost.seconds:,.0f}", f"{cost.allocated / GIB:.2f}" if cost.allocated else "-"]]
    print(" ".join(policy.notes) or "Packed rows through the fastest kernel for this card.")
    off = f", {cost.reserved / GIB / planned - 1:+.1%} against it" if cost.reserved else ""
    print(f"Plan of the update: {planned:.2f} GiB; reserved at the peak: {cost.gib} GiB{off}.\n")
    bench.say("layouts and losses")
    ragged = layouts(policy, bench.made_up_samples(2, RAGGED, prompt, tokens - prompt + 1), device)
    loss_rows = losses(policy.model, tokens - prompt, device)
    del policy
    bench.forget()
    if trl_is_here():
        bench.say("TRL")
        rows.append(["TRL", *map(str, beside_trl(folder, precision, device, samples))])
        bench.forget()
    else:
        print(f"TRL is not installed; for the comparison: `{INSTALL}`.\n")
    bench.table(["update", "answer tokens/s", "peak of tensors, GiB"], rows)
    bench.table(["forward and backward", "passes", "answer tokens/s", "reserved, GiB"], ragged)
    bench.table(["loss", "ms", "GiB beside weights and inputs"], loss_rows)


def report(arguments: argparse.Namespace) -> None:
    device = bench.start(arguments)
    if arguments.dry:
        arguments.tokens = 96
    for name in arguments.models:
        with tempfile.TemporaryDirectory() as place:
            bench.say(f"writing random weights of {name}")
            folder = bench.random_model(Path(place) / name, name, device, arguments.dry)
            for precision in arguments.precisions:
                measure(name, precision, folder, device, arguments)
                bench.forget()
