"""One step of CURE: coder and tester learn from executing each other's output.

    1. draw a batch of tasks, those that are rarely solved more often if `data.curriculum` says so
    2. sample n programs and m unit tests for each, from one policy in two roles
    3. execute every program on every test: the pass matrix, truth_nt and generated_nm
    4. reward programs by ground-truth tests, tests by how they tell correct programs from wrong ones; where a run has
       other labels than its tasks' hidden tests, `engine.train.labels` says which take their place
    5. one clipped policy-gradient update on both roles together

Rewards of the paper (arXiv 2506.03136) for program j and test k of one task, and the advantage within a group:
    R_s(j) = sum over t of truth_nt[j, t]
    R_u(k) = + #{wrong programs that fail k}  if every correct program passes k
             - #{wrong programs that pass k}  otherwise
    A      = (R - mean) / std                 over the n programs, or the m tests, of the task

Differences from the paper and the code published with it:
    LoRA adapters are trained, not all weights; with them off, the same model is the reference of the KL penalty, which
    that code takes against the current policy, so that it is 0
    one update for both roles; that code trains the tester after the coder, without correcting for the coder's update
    sampler and trainer compute slightly different log-probs; a truncated importance weight corrects for it
    truncated answers are left out of the update: a cut-off answer fails whatever would have followed
    a malformed test is a wrong test, so that the policy cannot avoid a loss by writing no test at all
    groups without spread are counted and, with `reward.refill_rounds`, replaced (dynamic sampling)
As in the paper, training never looks at a ground-truth program, with one exception that a user must ask for:
`reward.tester_supervision = "reference"` judges the generated tests by the tasks' reference programs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.config import RunConfig
from engine.policy import Learner, TrainSample, UpdateReport
from engine.problems import Problem
from engine.reward.trust import Trust, aggregate_trust, trust
from engine.rollouts.executing import Runner
from engine.rollouts.observer import RolloutObserver
from engine.rollouts.rollout import EncodePrompt, RolloutReport, roll_out
from engine.sampling import Sampler
from engine.sandbox import judging_of
from engine.seeds import derive_seed
from engine.solve.selectors.b4 import Priors
from engine.train.drawing import draw_of
from engine.train.labels import LabelSource
from engine.train.labels.source import UNINFORMED
from engine.train.scoring import ScoredGroup, ScoredTask, score
from engine.train.task_weights import TaskWeights

Phase = Literal["sample", "update"]
OnPhase = Callable[[Phase], None]


@dataclass(frozen=True, eq=False)
class CoevolutionStep:
    """Result of step `step` (1-based): the scored tasks, the update's report, and the cost in seconds.

    sampling: totals over all rounds. refilled: tasks that were replaced because no group of theirs had a gradient.
    weights: of the tasks when they were drawn, 1.0 = as in equal passes; None without a curriculum.
    """

    step: int
    tasks: tuple[ScoredTask, ...]
    update: UpdateReport
    sampling: RolloutReport
    update_seconds: float
    seconds: float
    refilled: int
    weights: tuple[float | None, ...]

    @property
    def trust(self) -> Trust:
        """Trust in the generated tests, pooled over the tasks of the step."""
        return aggregate_trust(trust(task.rollouts.matrix) for task in self.tasks)


class StepAbandoned(Exception):
    """Raised by `on_phase` to leave a step before its update: the policy is as it was after the step before."""


def coevolve(
    step: int,
    labels: LabelSource,
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    policy: Learner,
    config: RunConfig,
    on_phase: OnPhase = lambda phase: None,
    observer: RolloutObserver | None = None,
    *,
    weights: TaskWeights | None = None,
    in_thought: bool = False,
    priors: Priors = UNINFORMED,
) -> CoevolutionStep:
    """Run step `step` (1-based): sample, execute, reward, update. Deterministic in its arguments and the weights.

    labels: the tasks, and what judges their programs. on_phase: called before each phase; whatever it raises ends the
    step with the policy untouched. weights: of the tasks; None draws equal passes over them. in_thought: prompts end
    within an open thought. priors: of the rates that the anchors of a run without hidden labels tell.
    """
    started = time.monotonic()
    problems: Sequence[Problem] = labels.problems
    judging = judging_of(config.sandbox.judging, config.sandbox.comparison)
    # Seeds depend on the run's seed and the step alone, so a resumed run repeats a step with the same numbers.
    rollout_seed = derive_seed(config.run.seed, "rollout", step)

    def sample_and_score(batch: Sequence[int]) -> tuple[list[ScoredTask], RolloutReport]:
        """Do parts 2 to 4 for the tasks of `batch`, indices into `problems`."""
        chosen = [problems[i] for i in batch]
        rollouts, report = roll_out(
            chosen, encode, sampler, executor, config.rollout, judging, rollout_seed, observer,
            config.sandbox.time_rule, in_thought=in_thought,
        )  # fmt: skip
        return [score(task, config.reward) for task in labels.label(rollouts, step, priors)], report

    on_phase("sample")  # parts 1 to 4
    draw = draw_of(problems, weights or TaskWeights("none"), step, config)
    batch = list(draw.batch(config.rollout.tasks_per_step))
    tasks, sampling = sample_and_score(batch)

    # Where all rewards of both groups are equal, A = 0 everywhere: the task took its time and teaches nothing. A spare
    # task takes its place, for a bounded number of rounds: a policy that solves every task would refill forever.
    refilled, drawn = 0, set(batch)
    for attempt in range(1, config.reward.refill_rounds + 1):
        unusable = [place for place, task in enumerate(tasks) if not any(group.usable for group in task.groups)]
        spares = draw.spares(attempt, len(unusable), drawn)
        if not spares:
            break
        fresh, more = sample_and_score(spares)
        for place, index, task in zip(unusable, spares, fresh, strict=False):  # there may be fewer spare tasks
            tasks[place], batch[place] = task, index
        drawn.update(spares)
        refilled += len(spares)
        sampling += more

    on_phase("update")  # part 5
    before_update = time.monotonic()
    sampler.rest()  # where both share a GPU, the update needs the memory that the sampler holds
    # Both roles in one call: after a step on the coder alone, the tester's samples would be off-policy.
    report = policy.update([sample for task in tasks for group in task.groups for sample in train_samples(group)])
    done = time.monotonic()
    return CoevolutionStep(
        step, tuple(tasks), report, sampling, done - before_update, done - started, refilled,
        tuple(map(draw.relative_weight, batch)),
    )  # fmt: skip


def train_samples(group: ScoredGroup) -> list[TrainSample]:
    """Return the k samples of one group for the update, or none where its rewards do not differ.

    Masked answers are passed on, marked: the update leaves them out and counts them.
    """
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
