"""Observer of rollouts: it hears of every answer, from its tokens to its verdict, and changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np
import pytest

from engine.problems import IOExample
from engine.prompts import Role
from engine.reward.pass_matrix import PassMatrix
from engine.rollouts.executing import ProgramRun
from engine.rollouts.observer import Judgement, RolloutKey, judge_program, judge_tests, when_done
from engine.rollouts.rollout import roll_out
from engine.sampling import Completion
from engine.sandbox import AS_A_PROCESS, Executor, Limits, Outcome, Status
from engine.train.evaluate import measure
from tests.engine.scripted_sampler import CODER, PROBLEM, SETTINGS, TESTER, ScriptedSampler

TRUTH = (IOExample("1\n", "2\n"), IOExample("3\n", "6\n"))


class Listener:
    """Observer that records its calls, answer by answer."""

    def __init__(self) -> None:
        self.told: defaultdict[RolloutKey, list[object]] = defaultdict(list)

    def on_tokens(self, answer: RolloutKey, token_ids: Sequence[int]) -> None:
        self.told[answer].append(len(token_ids))

    def on_completion(self, answer: RolloutKey, completion: Completion) -> None:
        self.told[answer].append(completion.text)

    def on_judgement(self, answer: RolloutKey, verdict: Judgement) -> None:
        self.told[answer].append(verdict)


def test_every_answer_is_told_from_its_tokens_to_its_verdict() -> None:
    listener = Listener()
    with Executor(Limits(cpu_seconds=1.0)) as executor:  # its threads are gone, and with them all verdicts told
        roll_out(
            [PROBLEM],
            lambda p, r: (1, 2),
            ScriptedSampler(CODER, TESTER),
            executor,
            SETTINGS,
            AS_A_PROCESS,
            0,
            listener,
        )
    programs = [listener.told[RolloutKey("double", Role.CODER, index)] for index in range(4)]
    tests = [listener.told[RolloutKey("double", Role.TESTER, index)] for index in range(4)]
    assert [told[1] for told in programs] == CODER
    assert [told[1] for told in tests] == TESTER
    assert [told[2:] for told in programs] == [
        [Judgement("correct", 2, 2)],
        [Judgement("wrong", 0, 2)],
        [Judgement("wrong", 0, 2)],
        [Judgement("rejected")],
    ]
    assert [told[2:] for told in tests] == [
        [Judgement("right", 1, 3)],
        [Judgement("right", 2, 3)],
        [Judgement("wrong", 1, 3)],
        [Judgement("malformed")],
    ]


def test_an_observed_evaluation_has_the_figures_of_an_unobserved_one(executor: Executor) -> None:
    def measured(listener: Listener | None) -> dict[str, object]:
        sampler = ScriptedSampler(CODER, TESTER)
        summary = measure(
            [PROBLEM],
            lambda p, r: (1, 2),
            sampler,
            executor,
            SETTINGS,
            AS_A_PROCESS,
            ((4, 4),),
            seed=0,
            observer=listener,
        )
        return summary.to_json()

    listener = Listener()
    assert measured(listener) == measured(None)
    assert len(listener.told) == 8


def outcomes(*statuses: Status) -> list[Outcome]:
    return [Outcome(status, "2" if test.input == "1\n" else "6") for status, test in zip(statuses, TRUTH, strict=True)]


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ((Status.OK, Status.OK), Judgement("correct", 2, 2)),
        ((Status.OK, Status.RUNTIME_ERROR), Judgement("wrong", 1, 2)),
        ((Status.OK, Status.TIME_LIMIT), Judgement("timeout", 1, 2)),
        ((Status.RUNTIME_ERROR, Status.INFRASTRUCTURE), Judgement("undecided", 0, 2)),
    ],
)
def test_a_program_is_judged_by_all_of_its_outcomes(statuses: tuple[Status, ...], verdict: Judgement) -> None:
    assert judge_program(outcomes(*statuses), TRUTH, AS_A_PROCESS) == verdict


def test_without_ground_truth_a_program_is_undecided() -> None:
    assert judge_program([], [], AS_A_PROCESS) == Judgement("undecided", 0, 0)


def test_without_a_correct_program_tests_are_undecided() -> None:
    matrix = PassMatrix(
        truth_nt=np.array([[True, False], [False, False]]),
        generated_nm=np.array([[True, False, False], [True, True, False]]),
        malformed_m=np.array([False, False, True]),
    )
    assert judge_tests(matrix) == [Judgement("undecided", 2, 2), Judgement("undecided", 1, 2), Judgement("malformed")]


def test_what_waits_for_executions_is_done_once_and_never_after_a_cancellation() -> None:
    done: list[str] = []
    first, second, cancelled = (Future[list[Outcome]]() for _ in range(3))
    runs = [ProgramRun(("1\n",), first), ProgramRun(("2\n",), second), ProgramRun((), None)]
    when_done(runs, lambda: done.append("both"))
    second.set_result([])
    assert not done
    first.set_result([])
    assert done == ["both"]
    when_done(runs, lambda: done.append("at once"))
    assert done == ["both", "at once"]
    given_up = ProgramRun(("1\n",), cancelled)
    when_done([given_up, *runs], lambda: done.append("never"))
    cancelled.cancel()
    when_done([given_up], lambda: done.append("never"))
    assert done == ["both", "at once"]
