"""Judgement of generated tests by a task's reference programs, for `reward.tester_supervision = "reference"`.

Up to three references that pass all hidden tests of their task judge; which ones do is found out once a task.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.problems import Problem
from engine.prompts import Program, Rejected, UnitTest
from engine.reward.validity import Validity, validity
from engine.rollouts.executing import ProgramRun, Runner, execute, inputs_of
from engine.rollouts.filling import FilledTask
from engine.sandbox import Judging, Outcome, Status, passes

MOST_REFERENCES = 3
_TIMES = 2.0
"""CPU time of a reference on a generated input, in limits of the task: a test may be larger than the hidden ones."""


class References:
    """Reference programs of a run's tasks, checked on the hidden tests when a task first asks for them."""

    def __init__(self, runner: Runner, judging: Judging) -> None:
        self._runner, self._judging = runner, judging
        self._checked: dict[str, tuple[Program, ...]] = {}

    def of(self, problem: Problem) -> tuple[Program, ...]:
        """Return the references of a task that pass all of its hidden tests, the first three; () without any."""
        if problem.id not in self._checked:
            self._checked[problem.id] = self._check(problem)
        return self._checked[problem.id]

    def judge(self, tasks: Sequence[FilledTask]) -> list[Validity | None]:
        """Judge the generated tests of some tasks, which run at the same time; None for a task without a reference."""
        running = [self.start(task.problem, task.tests) for task in tasks]
        return [
            self.validity(task.problem, task.tests, runs) if runs else None
            for task, runs in zip(tasks, running, strict=True)
        ]

    def start(self, problem: Problem, tests: Sequence[UnitTest | Rejected]) -> list[ProgramRun]:
        """Submit a task's references with the inputs of tests."""
        inputs, seconds = inputs_of(tests), _TIMES * problem.time_limit
        return [execute(program, inputs, self._runner, seconds) for program in self.of(problem)]

    def validity(self, problem: Problem, tests: Sequence[UnitTest | Rejected], runs: Sequence[ProgramRun]) -> Validity:
        """Wait for the runs of `start` and judge each test by them."""
        judging = self._judging.for_task(problem.compare)
        agrees_rm = [
            [_agrees(outcome, test, judging) for outcome, test in zip(run.by_test(tests), tests, strict=True)]
            for run in runs
        ]
        return validity(agrees_rm, [isinstance(test, Rejected) for test in tests])

    def _check(self, problem: Problem) -> tuple[Program, ...]:
        judging = self._judging.for_task(problem.compare)
        inputs = [test.input for test in problem.hidden]
        found: list[Program] = []
        for start in range(0, len(problem.solutions) if inputs else 0, MOST_REFERENCES):
            programs = [Program(source) for source in problem.solutions[start : start + MOST_REFERENCES]]
            runs = [execute(program, inputs, self._runner, problem.time_limit) for program in programs]
            for program, run in zip(programs, runs, strict=True):
                outcomes = run.by_test(problem.hidden)
                if all(
                    outcome is not None and passes(outcome, test.output, judging)
                    for outcome, test in zip(outcomes, problem.hidden, strict=True)
                ):
                    found.append(program)
            if len(found) >= MOST_REFERENCES:
                break
        return tuple(found[:MOST_REFERENCES])


def _agrees(outcome: Outcome | None, test: UnitTest | Rejected, judging: Judging) -> bool | None:
    if outcome is None or isinstance(test, Rejected):
        return False  # a malformed test is none whatever a reference does
    return None if outcome.status is Status.INFRASTRUCTURE else passes(outcome, test.output, judging)
