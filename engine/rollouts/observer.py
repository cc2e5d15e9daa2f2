"""Observer of rollouts: streamed tokens, completions, judgements. It never changes a number of the engine.

RolloutObserver    protocol; receives every answer of a batch, named by its RolloutKey
judge_program      outcomes on ground-truth tests -> the Judgement on a program
judge_tests        pass matrix -> the Judgement on each generated test
when_done          calls back when program runs are done, in the thread that finished the last one

Terms, the same for observers of rollouts and of solving (`engine.solve.strategies.bench.Observer`), whose methods
differ: tokens and completion of an answer; the *outcome* of a program on an input; the *verdict* on a program by one
test (passed, failed or unknown); the *judgement* on a whole answer, with a finding such as "correct".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from engine.problems import IOExample
from engine.prompts import Role
from engine.reward.pass_matrix import PassMatrix, pass_matrix_from_verdicts
from engine.rollouts.executing import ProgramRun
from engine.sampling import Completion
from engine.sandbox import Judging, Outcome, Status, verdict

Finding = Literal["correct", "right", "wrong", "timeout", "undecided", "rejected", "malformed"]
"""Programs are correct, tests are right. timeout: a wrong program that hit its time limit at least once. rejected: a
coder's answer without a program. malformed: a tester's answer without a test."""


@dataclass(frozen=True, slots=True)
class RolloutKey:
    """Name of an answer in its batch: the `index`-th of its role to the task of this id."""

    task: str
    role: Role
    index: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """Judgement on one answer.

    A program passes `passed` of `of` ground-truth tests. A generated test is passed by `passed` of `of` programs; it is
    right if every correct program passes it.
    """

    finding: Finding
    passed: int = 0
    of: int = 0


REJECTED, MALFORMED = Judgement("rejected"), Judgement("malformed")


class RolloutObserver(Protocol):
    """Observer of a batch; each answer reaches it in the order of the methods below.

    The executor's threads call `on_judgement` as well: an implementation must be thread-safe and quick, and must not
    raise.
    """

    def on_tokens(self, key: RolloutKey, token_ids: Sequence[int]) -> None:
        """Receive the tokens that were sampled since the last call."""

    def on_completion(self, key: RolloutKey, completion: Completion) -> None:
        """Receive the whole answer once it has ended."""

    def on_judgement(self, key: RolloutKey, judgement: Judgement) -> None:
        """Receive the judgement soon after the last execution, which may be just after `roll_out` has returned.

        Never called for a program without ground-truth tests, nor once the executor is closed.
        """


def judge_program(outcomes_t: Sequence[Outcome], tests: Sequence[IOExample], judging: Judging) -> Judgement:
    """Judge a program by its outcomes on the t ground-truth tests; t = 0 or an unknown verdict leaves it undecided."""
    verdicts_t = [verdict(outcome, test.output, judging) for outcome, test in zip(outcomes_t, tests, strict=True)]
    matrix = pass_matrix_from_verdicts(truth=[verdicts_t], generated=[[]])
    finding: Finding = "wrong"
    if not matrix.judged_n[0]:
        finding = "undecided"
    elif matrix.correct_n[0]:
        finding = "correct"
    elif any(outcome.status is Status.TIME_LIMIT for outcome in outcomes_t):
        finding = "timeout"
    return Judgement(finding, verdicts_t.count(True), len(tests))


def judge_tests(matrix: PassMatrix) -> list[Judgement]:
    """Judge the m generated tests by the task's own correct programs; without one they stay undecided."""
    programs = int(np.count_nonzero(~matrix.rejected_n))
    judgements = []
    for malformed, judged, right, passing in zip(
        matrix.malformed_m, matrix.judged_m, matrix.right_m, matrix.generated_nm.sum(axis=0), strict=True
    ):
        finding: Finding = ("right" if right else "wrong") if judged else "undecided"
        judgements.append(MALFORMED if malformed else Judgement(finding, int(passing), programs))
    return judgements


def when_done(runs: Sequence[ProgramRun], act: Callable[[], None]) -> None:
    """Call `act` once all runs are done: immediately, or in the thread that finishes the last one.

    Never call it if a run is cancelled, as happens when the executor is closed.
    """
    futures = [run.future for run in runs if run.future is not None]
    if any(future.cancelled() for future in futures):
        return
    # One callback at a time on the first unfinished run: no counter shared between threads, hence no lock.
    waiting = next((future for future in futures if not future.done()), None)
    if waiting is None:
        act()
    else:
        waiting.add_done_callback(lambda _: when_done(runs, act))
