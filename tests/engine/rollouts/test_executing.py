"""Execution of a task's answers: each input once; a malformed answer keeps its place and is not run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

import pytest

from engine.problems import IOExample
from engine.prompts import Program, Rejected, RejectReason, UnitTest
from engine.rollouts.executing import execute, inputs_of
from engine.sandbox import Outcome, Peers, Status, verdict

MALFORMED = Rejected(RejectReason.NO_INPUT)


class Recorder:
    """Runner stub whose programs print their input; it records its requests."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...], float | None]] = []

    def submit(
        self, source: str, inputs: Sequence[str], cpu_seconds: float | None = None, peers: Peers | None = None
    ) -> Future[list[Outcome]]:
        self.asked.append((source, tuple(inputs), cpu_seconds))
        future: Future[list[Outcome]] = Future()
        future.set_result([Outcome(Status.OK, text) for text in inputs])
        return future


def test_tests_that_share_an_input_share_its_execution() -> None:
    tests = [UnitTest("1", "a"), MALFORMED, UnitTest("2", "b"), IOExample("1", "c")]
    runner = Recorder()
    run = execute(Program("p"), inputs_of(tests), runner, 2.0)
    assert runner.asked == [("p", ("1", "2"), 2.0)]
    one, two = Outcome(Status.OK, "1"), Outcome(Status.OK, "2")
    assert run.by_test(tests) == (one, None, two, one)
    assert run.by_input() == {"1": one, "2": two}


@pytest.mark.parametrize(("program", "tests"), [(MALFORMED, [UnitTest("1", "a")]), (Program("p"), [MALFORMED])])
def test_a_rejected_program_and_malformed_tests_are_not_run(
    program: Program | Rejected, tests: list[UnitTest | Rejected]
) -> None:
    runner = Recorder()
    run = execute(program, inputs_of(tests), runner, None)
    assert runner.asked == []
    assert run.future is None
    assert run.by_test(tests) == (None,)


def test_a_failure_of_the_sandbox_is_no_verdict() -> None:
    assert verdict(Outcome(Status.INFRASTRUCTURE), "1") is None
    assert verdict(Outcome(Status.OK, "1\n"), "1") is True
    assert verdict(Outcome(Status.TIME_LIMIT, "1\n"), "1") is False


def test_what_a_run_before_has_executed_is_not_executed_again_and_has_one_outcome() -> None:
    runner = Recorder()
    truth = execute(Program("p"), ["1", "2"], runner, None)
    generated = execute(Program("p"), ["2", "3", "1", "3"], runner, None, before=truth)
    assert [inputs for _, inputs, _ in runner.asked] == [("1", "2"), ("3",)]
    tests = [UnitTest(text, "x") for text in ("3", "2", "1")]
    assert [outcome and outcome.stdout for outcome in generated.by_test(tests)] == ["3", "2", "1"]
    again = execute(Program("p"), ["2"], runner, None, before=truth)
    assert again.future is None
    assert again.by_input() == truth.by_input()
