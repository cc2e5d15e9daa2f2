"""Work of a run: answers and tokens of the start evaluation, of a step, of the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.config import RolloutConfig, RunConfig, at_stage, stage_count

USED_SHARE = 0.5
"""Mean length of an answer as a share of the full limit, until it is measured: lengths are taken as uniform."""

MEAN_PROMPT = {"short": 60, "full": 600}
"""Tokens of a usual prompt by style; CodeContests statements take 400 to 2,000."""


@dataclass(frozen=True)
class RoleLengths:
    """Lengths of a role's answers in tokens, uniform from 0 to `longest` and cut off at a limit."""

    longest: float

    @classmethod
    def of_limit(cls, limit: int) -> RoleLengths:
        """Return the lengths of a role of which only the full limit is known."""
        return cls(2 * USED_SHARE * limit)

    @classmethod
    def of_mean(cls, mean: float, limit: int) -> RoleLengths:
        """Return the lengths whose mean is `mean` when they are cut off at `limit`."""
        mean = min(max(mean, 1.0), 0.99 * limit)
        return cls(2 * mean if mean <= limit / 2 else limit**2 / (2 * (limit - mean)))

    def mean(self, limit: float) -> float:
        """Return the mean length under `limit`."""
        cut = min(limit, self.longest)
        return cut - cut**2 / (2 * self.longest)

    def mean_finished(self, limit: float) -> float:
        """Return the mean length under `limit` where answers that are cut off count as empty."""
        return min(limit, self.longest) ** 2 / (2 * self.longest)

    def mean_square(self, limit: float) -> float:
        """Return the mean of the squared length under `limit`."""
        cut = min(limit, self.longest)
        return cut**2 - 2 * cut**3 / (3 * self.longest)


@dataclass(frozen=True)
class Lengths:
    """Lengths of both roles' answers, and of a usual prompt."""

    coder: RoleLengths
    tester: RoleLengths
    prompt: float

    @classmethod
    def of(cls, config: RunConfig) -> Lengths:
        """Return the lengths to expect of a model that has not been measured."""
        rollout = config.rollout
        return cls(
            RoleLengths.of_limit(rollout.max_new_tokens_coder),
            RoleLengths.of_limit(rollout.max_new_tokens_tester),
            float(MEAN_PROMPT.get(config.model.prompt_style, MEAN_PROMPT["full"])),
        )

    def running_context(self, rollout: RolloutConfig) -> float:
        """Return the mean tokens of a sequence under way, its prompt included.

        A sequence of length l is under way for l steps and l/2 long on average: E[l^2] / 2 E[l].
        """
        sizes = (
            (rollout.n_programs, self.coder, rollout.max_new_tokens_coder),
            (rollout.m_tests, self.tester, rollout.max_new_tokens_tester),
        )
        squares = sum(count * role.mean_square(limit) for count, role, limit in sizes)
        means = sum(count * role.mean(limit) for count, role, limit in sizes)
        return self.prompt + squares / (2 * means)


@dataclass(frozen=True)
class Amount:
    """Answers, their tokens, those of answers that end within their limit, and those of the prompts, each computed once
    for its group.
    """

    answers: int = 0
    tokens: float = 0.0
    finished_tokens: float = 0.0
    prompt_tokens: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.answers + other.answers,
            self.tokens + other.tokens,
            self.finished_tokens + other.finished_tokens,
            self.prompt_tokens + other.prompt_tokens,
        )

    def times(self, count: int) -> Amount:
        return Amount(
            self.answers * count, self.tokens * count, self.finished_tokens * count, self.prompt_tokens * count
        )


def amount(rollout: RolloutConfig, tasks: int, lengths: Lengths) -> Amount:
    """Return the amount of one batch of rollouts over `tasks` tasks."""
    roles = (
        (rollout.n_programs * tasks, lengths.coder, rollout.max_new_tokens_coder),
        (rollout.m_tests * tasks, lengths.tester, rollout.max_new_tokens_tester),
    )
    return Amount(
        answers=sum(count for count, _, _ in roles),
        tokens=sum(count * role.mean(limit) for count, role, limit in roles),
        finished_tokens=sum(count * role.mean_finished(limit) for count, role, limit in roles),
        prompt_tokens=2 * tasks * lengths.prompt,
    )


@dataclass(frozen=True)
class Stage:
    """Stage of training: its rollout section, its number of steps, the amount of one step without refills."""

    rollout: RolloutConfig
    steps: int
    step: Amount


@dataclass(frozen=True)
class Work:
    """Amounts of a run. start, end: evaluations on held-out and validation tasks; periodic: all between, together."""

    start: Amount
    periodic: Amount
    end: Amount
    stages: tuple[Stage, ...]

    @property
    def training(self) -> Amount:
        return sum((stage.step.times(stage.steps) for stage in self.stages), Amount())

    @property
    def evaluation(self) -> Amount:
        return self.start + self.periodic + self.end

    @property
    def run(self) -> Amount:
        return self.evaluation + self.training

    @property
    def evaluation_share(self) -> float:
        """Share of the run's answers that evaluations take."""
        return self.evaluation.answers / max(1, self.run.answers)


def work_of(config: RunConfig, lengths: Lengths) -> Work:
    """Return the work of a whole run, as many steps as it may take."""
    evaluation, steps = config.evaluation, config.run.steps
    heldout = amount(config.evaluation_rollout, evaluation.heldout_tasks, lengths)
    validation = amount(config.evaluation_rollout, evaluation.validation_tasks, lengths)
    both = heldout + validation
    every = evaluation.every_steps
    stages = tuple(
        Stage(rollout, count, amount(rollout, rollout.tasks_per_step, lengths)) for rollout, count in _stages(config)
    )
    periodic = validation.times((steps - 1) // every if every and steps else 0)
    return Work(both, periodic, both if steps else Amount(), stages)


def _stages(config: RunConfig) -> Iterator[tuple[RolloutConfig, int]]:
    """Yield each stage's rollout section and steps; without `length_steps` the stages are taken as equally long."""
    rollout, left = config.rollout, config.run.steps
    count = stage_count(rollout)
    for stage in range(count):
        planned = rollout.length_steps or config.run.steps // count
        steps = left if stage == count - 1 else min(left, planned)
        left -= steps
        yield at_stage(rollout, stage), steps
