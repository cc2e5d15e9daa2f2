"""Looking on while rollouts come about: answers as they are sampled, and what becomes of each when it is executed.

RolloutObserver       who looks on; the engine does the same work, with the same numbers, when nobody does
verdict_of_program    outcomes on ground-truth tests -> what is known of a program
verdicts_of_tests     pass matrix -> what is known of each generated test
when_done             acts when executions are done, in whichever thread that is
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from engine.problems import IOExample
from engine.prompts import Role
from engine.reward.pass_matrix import PassMatrix
from engine.sampling import Completion
from engine.sandbox import Judging, Outcome, Status, passes

Finding = Literal["correct", "right", "wrong", "timeout", "undecided", "rejected", "malformed"]
"""Programs are correct, tests are right. timeout: wrong, at least once for its time. rejected: an answer without a
program, malformed: one without a test."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Which answer of a batch: the `index`-th of its role to the task of this id."""

    task: str
    role: Role
    index: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of an answer. A program passes `passed` of `of` ground-truth tests; a generated test is passed by
    `passed` of `of` programs, and is right when all correct programs pass it."""

    finding: Finding
    passed: int = 0
    of: int = 0


REJECTED, MALFORMED = Verdict("rejected"), Verdict("malformed")


class RolloutObserver(Protocol):
    """Told of answers in the order of its methods. `on_verdict` comes from threads of the executor as well: an observer
    is thread-safe, quick, and raises nothing."""

    def on_tokens(self, answer: Answer, token_ids: Sequence[int]) -> None:
        """What the answer has gained since the last call."""

    def on_completion(self, answer: Answer, completion: Completion) -> None:
        """The answer has ended."""

    def on_verdict(self, answer: Answer, verdict: Verdict) -> None:
        """Soon after the last execution, which may be just after the rollouts are returned. Never for an answer that
        there is nothing to judge by, nor when the executor is closed before."""


def verdict_of_program(outcomes_t: Sequence[Outcome], tests: Sequence[IOExample], judging: Judging) -> Verdict:
    """Of a program by its outcomes on the ground-truth tests."""
    statuses = {outcome.status for outcome in outcomes_t}
    passed = sum(passes(outcome, test.output, judging) for outcome, test in zip(outcomes_t, tests, strict=True))
    finding: Finding = "wrong"
    if Status.INFRASTRUCTURE in statuses:
        finding = "undecided"
    elif passed == len(tests):
        finding = "correct"
    elif Status.TIME_LIMIT in statuses:
        finding = "timeout"
    return Verdict(finding, passed, len(tests))


def verdicts_of_tests(matrix: PassMatrix) -> list[Verdict]:
    """Return the verdict on each of the m generated tests, by the task's own correct programs."""
    programs = int(np.count_nonzero(~matrix.rejected_n))
    verdicts = []
    for malformed, judged, right, passing in zip(
        matrix.malformed_m, matrix.judged_m, matrix.right_m, matrix.generated_nm.sum(axis=0), strict=True
    ):
        finding: Finding = ("right" if right else "wrong") if judged else "undecided"
        verdicts.append(MALFORMED if malformed else Verdict(finding, int(passing), programs))
    return verdicts


def when_done(futures: Sequence[Future[list[Outcome]]], act: Callable[[], None]) -> None:
    """Acts once, when all of `futures` have results: at once, or in the thread that brings the last one.

    Never, where one of them is cancelled: the executor was closed.
    """
    waiting = [future for future in futures if not future.done()]
    if any(future.cancelled() for future in futures):
        return
    if waiting:
        waiting[0].add_done_callback(lambda _: when_done(waiting, act))
    else:
        act()
