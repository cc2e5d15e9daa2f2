"""Cost of an update and of a whole step, here and with TRL's GRPOTrainer, on the embedded model.

    OMP_NUM_THREADS=1 python tests/benchmarks/beside_trl.py [--steps 3]

Same model in fp32, LoRA of rank 32 on all linear layers, KL penalty, 8 prompts x 16 answers, one optimiser step. TRL
trains with several numbers of rows per pass; its fastest counts. Our update trains the answers that TRL has
sampled. A step is sampling and update, without execution. Seconds are CPU time over all threads of the process.
tests/trl_side.py says how to install TRL.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.machine.resources import source_path
from engine.models import load_base_model
from engine.policy import Policy, attach_adapter
from engine.problems import load_problems
from engine.prompts import PromptStyle, Role, build_messages, encode_prompt
from engine.sampling import Request, SamplingParams
from engine.sampling.local.sampler import TransformersSampler

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)]

from tests.engine.policies import policy_with  # noqa: E402
from tests.trl_side import INSTALL, Messages, TrlSettings, TrlStep, cpu_clock, trl_is_here, trl_steps  # noqa: E402

TASKS, MEMBERS, MAX_NEW_TOKENS = 4, 16, 96
RANK, ALPHA, KL_BETA, LEARNING_RATE = 32, 64, 0.02, 1e-4
ROWS = (16, 32, 64, 128)


@dataclass(frozen=True)
class Speed:
    """Medians of tokens per second over some steps."""

    sampling: float
    update: float
    step: float

    @classmethod
    def of(cls, steps: list[tuple[int, float, float, int]]) -> Speed:
        """Compute the medians. A step: (sampled tokens, their seconds, seconds of the update, its tokens)."""
        return cls(
            sampling=statistics.median(tokens / sampling for tokens, sampling, _, _ in steps),
            update=statistics.median(trained / update for _, _, update, trained in steps),
            step=statistics.median(tokens / (sampling + update) for tokens, sampling, update, _ in steps),
        )


def nano_prompts() -> list[Messages]:
    tasks = load_problems(source_path("asset:nano/tasks/train.jsonl"))[:TASKS]
    return [build_messages(task, role, PromptStyle.SHORT, show_example=False) for task in tasks for role in Role]


def nano_policy() -> Policy:
    base = load_base_model(str(source_path("asset:nano")))
    model = attach_adapter(base.model, RANK, ALPHA)
    return policy_with(model, base.tokenizer, learning_rate=LEARNING_RATE, kl_beta=KL_BETA)


def run_trl(prompts: list[Messages], rows: int, steps: int) -> list[TrlStep]:
    base = load_base_model(str(source_path("asset:nano")))
    settings = TrlSettings(MEMBERS, rows, steps + 1, MAX_NEW_TOKENS, RANK, ALPHA, KL_BETA, LEARNING_RATE)
    return trl_steps(base.model, base.tokenizer, prompts, settings)[1:]  # the first one warms up


def our_steps(
    policy: Policy, prompts: list[Messages], theirs: list[TrlStep]
) -> Iterator[tuple[int, float, float, int]]:
    """Sample to the same prompts and train TRL's answers, for each of TRL's steps."""
    tokenizer = policy.tokenizer
    sampler = TransformersSampler(policy.model, tokenizer)
    for number, step in enumerate(theirs):
        requests = [
            Request(str(i), encode_prompt(tokenizer, messages, None), MEMBERS, 1000 * number + i)
            for i, messages in enumerate(prompts)
        ]
        assert {request.prompt_ids for request in requests} == {sample.prompt_ids for sample in step.samples}
        with measured() as sampling:
            completions = list(sampler.sample(requests, SamplingParams(max_new_tokens=MAX_NEW_TOKENS)))
        with measured() as updating:
            report = policy.update(step.samples)
        assert report.tokens == step.tokens
        yield sum(len(each.token_ids) for each in completions), sampling(), updating(), report.tokens


@contextmanager
def measured() -> Iterator[Callable[[], float]]:
    begin = cpu_clock()
    seconds: list[float] = []
    yield lambda: seconds[0]
    seconds.append(cpu_clock() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3)
    steps = parser.parse_args().steps
    if not trl_is_here():
        print(f"TRL is not installed; nothing to compare with. Install it with: {INSTALL}")
        return
    prompts, policy = nano_prompts(), nano_policy()
    list(our_steps(policy, prompts, run_trl(prompts, ROWS[-1], 1)))  # warms up
    trl: dict[int, Speed] = {}
    ours: list[tuple[int, float, float, int]] = []
    tokens = []
    for rows in ROWS:
        theirs = run_trl(prompts, rows, steps)
        tokens += [step.tokens for step in theirs]
        trl[rows] = Speed.of(
            [(step.tokens, step.sampling_seconds, step.update_seconds, step.tokens) for step in theirs]
        )
        ours += our_steps(policy, prompts, theirs)
    mine = Speed.of(ours)
    print(f"{len(prompts)} prompts x {MEMBERS} answers, {min(tokens)} to {max(tokens)} answer tokens per step, fp32,")
    print(f"{torch.get_num_threads()} thread(s); tokens/s of the answers, medians of {steps} steps (ours {len(ours)})")
    print(f"{'':28}{'sampling':>10}{'update':>10}{'step':>10}")
    for rows, speed in trl.items():
        print(f"{f'TRL, {rows} rows per pass':28}{speed.sampling:10,.0f}{speed.update:10,.0f}{speed.step:10,.0f}")
    print(f"{'cure-tui':28}{mine.sampling:10,.0f}{mine.update:10,.0f}{mine.step:10,.0f}")
    ratios = [
        getattr(mine, part) / max(getattr(speed, part) for speed in trl.values())
        for part in ("sampling", "update", "step")
    ]
    print(f"{'against the fastest TRL':28}" + "".join(f"{ratio:9.2f}x" for ratio in ratios))


if __name__ == "__main__":
    main()
