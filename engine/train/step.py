"""One step of CURE: coder and tester learn from executing each other's output.

    1. draw a batch of tasks
    2. sample n programs and m unit tests for each, from one policy in two roles
    3. execute every program on every test: the pass matrix
    4. reward programs by ground-truth tests, tests by how they tell correct programs from wrong ones
    5. one clipped policy-gradient update on both roles together

After arXiv 2506.03136, with these differences: the KL penalty is against the model without adapters and so is real;
sampler and trainer disagree a little, which a truncated importance weight corrects; truncated answers are masked;
a malformed test is a wrong test; groups without spread are counted and, where asked, replaced (dynamic sampling);
no ground-truth program is ever looked at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.config import RunConfig
from engine.policy import Policy, TrainSample, UpdateReport
from engine.problems import Problem, draw_batch
from engine.reward.trust import Trust, aggregate_trust, trust
from engine.rollouts.executing import Runner
from engine.rollouts.observer import RolloutObserver
from engine.rollouts.rollout import EncodePrompt, RolloutReport, roll_out
from engine.sampling import Sampler
from engine.sandbox import judging_of
from engine.seeds import derive_seed
from engine.train.scoring import ScoredGroup, ScoredTask, score

Phase = Literal["sample", "execute", "score", "update"]
OnPhase = Callable[[Phase], None]


@dataclass(frozen=True, eq=False)
class CoevolutionStep:
    """All that happened in step `step` (1-based): scored tasks, the update's report, what it cost."""

    step: int
    tasks: tuple[ScoredTask, ...]
    update: UpdateReport
    sampling: RolloutReport
    update_seconds: float
    seconds: float
    refilled: int

    @property
    def trust(self) -> Trust:
        return aggregate_trust(trust(task.rollouts.matrix) for task in self.tasks)


class StepAbandoned(Exception):
    """Raised by `on_phase` to leave a step before its update: the policy is as it was after the step before."""


def coevolve(
    step: int,
    problems: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    policy: Policy,
    config: RunConfig,
    on_phase: OnPhase = lambda phase: None,
    observer: RolloutObserver | None = None,
) -> CoevolutionStep:
    """Step `step` of the loop: sample, execute, reward, update. Deterministic in its arguments and the weights."""
    started = time.monotonic()
    on_phase("sample")
    batch = draw_batch(len(problems), config.rollout.tasks_per_step, step - 1, config.run.seed)
    tasks, sampling = _sample_and_score([problems[i] for i in batch], encode, sampler, executor, config, step, observer)
    refilled = 0
    for attempt in range(1, config.reward.refill_rounds + 1):
        unusable = [place for place, task in enumerate(tasks) if not any(group.usable for group in task.groups)]
        if not unusable:
            break
        seed = derive_seed(config.run.seed, "refill", attempt)
        spare = draw_batch(len(problems), len(unusable), step - 1, seed)
        fresh, more = _sample_and_score([problems[i] for i in spare], encode, sampler, executor, config, step, observer)
        for place, task in zip(unusable, fresh, strict=True):
            tasks[place] = task
        refilled += len(unusable)
        sampling = _sum(sampling, more)
    on_phase("update")
    before_update = time.monotonic()
    sampler.rest()
    report = policy.update([sample for task in tasks for group in task.groups for sample in train_samples(group)])
    done = time.monotonic()
    return CoevolutionStep(step, tuple(tasks), report, sampling, done - before_update, done - started, refilled)


def train_samples(group: ScoredGroup) -> list[TrainSample]:
    """What the update learns from one group: nothing, where its rewards do not differ."""
    if not group.usable:
        return []
    return [
        TrainSample(
            prompt_ids=group.prompt_ids,
            token_ids=completion.token_ids,
            sampler_logprobs=completion.logprobs,
            advantage=float(advantage),
            role=group.role,
            mask_out=bool(masked),
        )
        for completion, advantage, masked in zip(group.completions, group.advantages_k, group.masked_k, strict=True)
    ]


def _sample_and_score(
    problems: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    config: RunConfig,
    step: int,
    observer: RolloutObserver | None,
) -> tuple[list[ScoredTask], RolloutReport]:
    seed = derive_seed(config.run.seed, "rollout", step)
    judging = judging_of(config.sandbox.judging, config.sandbox.comparison)
    rollouts, report = roll_out(problems, encode, sampler, executor, config.rollout, judging, seed, observer)
    return [score(task, config.reward) for task in rollouts], report


def _sum(first: RolloutReport, second: RolloutReport) -> RolloutReport:
    return replace(
        first,
        sampling_seconds=first.sampling_seconds + second.sampling_seconds,
        waiting_seconds=first.waiting_seconds + second.waiting_seconds,
        tokens=first.tokens + second.tokens,
    )
