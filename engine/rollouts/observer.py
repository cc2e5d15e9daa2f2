"""Observer of rollouts: streamed tokens, completions, judgements. The engine works the same, numbers included, without.

RolloutObserver    is told of every answer of a batch, by its RolloutKey
judge_program      outcomes on ground-truth tests -> the Judgement on a program
judge_tests        pass matrix -> the Judgement on each generated test
when_done          acts when program runs are done, in whichever thread that is

Words, the same for observers of rollouts and of solving (`engine.solve.strategies.bench.Observer`): tokens and
completion of an answer; the *outcome* of a program on an input; the *verdict* on a program by one test (passed, failed
or unknown); the *judgement* on a whole answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from engine.problems import IOExample
from engine.prompts import Role
from engine.reward.pass_matrix import PassMatrix
from engine.rollouts.executing import ProgramRun
from engine.sampling import Completion
from engine.sandbox import Judging, Outcome, Status, verdict

Finding = Literal["correct", "right", "wrong", "timeout", "undecided", "rejected", "malformed"]
"""Programs are correct, tests are right. timeout: wrong, at least once for its time. rejected: an answer without a
program, malformed: one without a test."""


@dataclass(frozen=True, slots=True)
class RolloutKey:
    """Name of an answer in its batch: the `index`-th of its role to the task of this id."""

    task: str
    role: Role
    index: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """Knowledge of an answer. A program passes `passed` of `of` ground-truth tests; a generated test is passed by
    `passed` of `of` programs, and is right when all correct programs pass it."""

    finding: Finding
    passed: int = 0
    of: int = 0


REJECTED, MALFORMED = Judgement("rejected"), Judgement("malformed")


class RolloutObserver(Protocol):
    """Observer that is told of each answer in the order of its methods. `on_judgement` comes from threads of the
    executor as well: an observer is thread-safe, quick, and raises nothing."""

    def on_tokens(self, key: RolloutKey, token_ids: Sequence[int]) -> None:
        """Take the tokens that the answer has gained since the last call."""

    def on_completion(self, key: RolloutKey, completion: Completion) -> None:
        """Take the whole answer: it has ended."""

    def on_judgement(self, key: RolloutKey, judgement: Judgement) -> None:
        """Take the judgement soon after the last execution, which may be just after the rollouts are returned.

        Not called for an answer that there is nothing to judge by, nor when the executor is closed before.
        """


def judge_program(outcomes_t: Sequence[Outcome], tests: Sequence[IOExample], judging: Judging) -> Judgement:
    """Judge a program by its outcomes on the ground-truth tests."""
    verdicts_t = [verdict(outcome, test.output, judging) for outcome, test in zip(outcomes_t, tests, strict=True)]
    passed = verdicts_t.count(True)
    finding: Finding = "wrong"
    if None in verdicts_t:
        finding = "undecided"
    elif passed == len(tests):
        finding = "correct"
    elif any(outcome.status is Status.TIME_LIMIT for outcome in outcomes_t):
        finding = "timeout"
    return Judgement(finding, passed, len(tests))


def judge_tests(matrix: PassMatrix) -> list[Judgement]:
    """Judge the m generated tests by the task's own programs; without a correct program they stay undecided."""
    programs = int(np.count_nonzero(~matrix.rejected_n))
    judgements = []
    for malformed, judged, right, passing in zip(
        matrix.malformed_m, matrix.judged_m, matrix.right_m, matrix.generated_nm.sum(axis=0), strict=True
    ):
        finding: Finding = ("right" if right else "wrong") if judged else "undecided"
        judgements.append(MALFORMED if malformed else Judgement(finding, int(passing), programs))
    return judgements


def when_done(runs: Sequence[ProgramRun], act: Callable[[], None]) -> None:
    """Act once, when all runs are done: at once, or in the thread that brings the last outcome.

    Never, where one of them is cancelled: the executor was closed.
    """
    futures = [run.future for run in runs if run.future is not None]
    if any(future.cancelled() for future in futures):
        return
    waiting = next((future for future in futures if not future.done()), None)
    if waiting is None:
        act()
    else:
        waiting.add_done_callback(lambda _: when_done(runs, act))
