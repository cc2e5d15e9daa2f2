"""Cost of an update beside a bare forward and backward pass over the same tokens.

    OMP_NUM_THREADS=1 python tests/benchmarks/update.py [--repeats 5]

A random model of the embedded model's size; 8 groups x 16 answers. The bare passes are the obvious code: peft's
model, padded rows sorted by length, cross-entropy on the answers, no reference, no optimiser. "packed" is the same
over our packed rows. Variants take turns within each repeat. Seconds are medians of the process's CPU time over its
threads, which other programs on the machine hardly disturb; the wall time beside them is the shortest seen.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedTokenizerBase, Qwen3Config, Qwen3ForCausalLM

sys.path[:0] = [str(Path(__file__).parents[2])]

from engine.policy import (  # noqa: E402
    Policy,
    TrainSample,
    attach_adapter,
)
from engine.policy.packed.batching import TokenSequence, build_micro_batch, plan_micro_batches  # noqa: E402
from engine.policy.packed.logprobs import score_tokens  # noqa: E402
from tests.engine.policies import policy_with  # noqa: E402

GROUPS, MEMBERS, VOCABULARY = 8, 16, 1024


def nano_sized_model() -> Qwen3ForCausalLM:
    torch.manual_seed(0)
    config = Qwen3Config(
        hidden_size=192,
        num_hidden_layers=4,
        intermediate_size=512,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=32,
        vocab_size=VOCABULARY,
        tie_word_embeddings=True,
    )
    return Qwen3ForCausalLM(config).requires_grad_(False).eval()


def make_samples() -> list[TrainSample]:
    draw = random.Random(0)
    samples = []
    for group in range(GROUPS):
        prompt = tuple(draw.randrange(VOCABULARY) for _ in range(draw.randint(26, 36)))
        for _ in range(MEMBERS):
            answer = tuple(draw.randrange(VOCABULARY) for _ in range(draw.randint(30, 60)))
            role = "coder" if group % 2 else "tester"
            samples.append(TrainSample(prompt, answer, (-6.9,) * len(answer), draw.gauss(0, 1), role))
    return samples


def bare_padded(model: PeftModel, samples: list[TrainSample], rows: int) -> Callable[[], None]:
    """Run forward and backward over padded rows, `rows` at a time."""
    ordered = sorted(samples, key=lambda sample: -len(sample.prompt_ids) - len(sample.token_ids))
    batches = []
    for begin in range(0, len(ordered), rows):
        members = ordered[begin : begin + rows]
        width = max(len(sample.prompt_ids) + len(sample.token_ids) for sample in members)
        ids, mask = (
            torch.zeros(len(members), width, dtype=torch.long),
            torch.zeros(len(members), width, dtype=torch.long),
        )
        labels = torch.full((len(members), width), -100)
        for b, sample in enumerate(members):
            prompt, end = len(sample.prompt_ids), len(sample.prompt_ids) + len(sample.token_ids)
            ids[b, :end] = torch.tensor(sample.prompt_ids + sample.token_ids)
            mask[b, :end] = 1
            labels[b, prompt:end] = torch.tensor(sample.token_ids)
        batches.append((ids, mask, labels))

    def run() -> None:
        for ids, mask, labels in batches:
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
            F.cross_entropy(logits[:, :-1].reshape(-1, VOCABULARY), labels[:, 1:].reshape(-1)).backward()
        model.zero_grad()

    return run


def bare_packed(policy: Policy, samples: list[TrainSample]) -> Callable[[], None]:
    """Run forward and backward over the update's own micro-batches, built beforehand."""
    sequences = [TokenSequence(sample.prompt_ids, sample.token_ids) for sample in samples]
    plan = plan_micro_batches(sequences, policy.settings.micro_batch_tokens)
    batches = [build_micro_batch(sequences, members) for members in plan]

    def run() -> None:
        for batch in batches:
            (-score_tokens(policy.model, batch).logprobs_a.mean()).backward()
        policy.model.zero_grad()

    return run


def make_policy(**settings: object) -> Policy:
    model = attach_adapter(nano_sized_model(), rank=32, alpha=64)
    return policy_with(model, Mock(spec=PreTrainedTokenizerBase), **{"learning_rate": 2e-3} | settings)


def peft_model() -> PeftModel:
    config = LoraConfig(r=32, lora_alpha=64, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(nano_sized_model(), config).eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    samples = make_samples()
    tokens = sum(len(sample.token_ids) for sample in samples)
    baseline = peft_model()
    policies = {
        "update, KL penalised": make_policy(),
        "update, KL measured on a quarter": make_policy(kl_beta=0.0),
    }
    variants: dict[str, Callable[[], object]] = {
        f"bare, padded, {rows} rows": bare_padded(baseline, samples, rows) for rows in (16, 32, 64)
    }
    variants["bare, packed"] = bare_packed(make_policy(), samples)
    for name, policy in policies.items():
        variants[name] = lambda policy=policy: policy.update(samples)
    for budget in (1024, 4096, 8192):
        other = make_policy(micro_batch_tokens=budget)
        variants[f"update, KL penalised, {budget} tokens a micro-batch"] = lambda other=other: other.update(samples)
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    wall: dict[str, float] = {}
    for repeat in range(arguments.repeats + 1):
        for name, run in variants.items():
            begin, cpu_begin = time.perf_counter(), time.process_time()
            run()
            if repeat:  # the first round warms up
                seconds[name].append((time.process_time() - cpu_begin) / torch.get_num_threads())
                wall[name] = min(wall.get(name, math.inf), time.perf_counter() - begin)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    fastest = min(value for name, value in medians.items() if name.startswith("bare, padded"))
    print(f"{len(samples)} answers, {tokens} answer tokens, {torch.get_num_threads()} thread(s)")
    print(f"{'':58}{'seconds':>8}{'wall':>7}{'tokens/s':>10}{'/ padded':>9}{'/ packed':>9}")
    for name, value in medians.items():
        ratios = f"{value / fastest:9.2f}{value / medians['bare, packed']:9.2f}"
        print(f"{name:58}{value:8.3f}{wall[name]:7.2f}{tokens / value:10.0f}{ratios}")
    print(policies["update, KL penalised"].update(samples).seconds)


if __name__ == "__main__":
    main()
