"""Samples programs and tests for a batch of tasks and executes each on each: tasks in, pass matrices out.

Execution overlaps sampling: a program runs on the ground-truth tests as soon as it is sampled, and on the generated
tests as soon as its task's tests are. Training, evaluation and solving all get their matrices here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from engine.observing import (
    MALFORMED,
    REJECTED,
    Answer,
    RolloutObserver,
    verdict_of_program,
    verdicts_of_tests,
    when_done,
)
from engine.problems import IOExample, Problem
from engine.prompts import Program, Rejected, Role, UnitTest, parse_program, parse_unit_test
from engine.reward.pass_matrix import BoolArray, PassMatrix
from engine.sampling import Completion, Delta, Request, Sampler, SamplingParams
from engine.sandbox import AS_A_PROCESS, Judging, Outcome, Status, passes
from engine.seeds import derive_seed

EncodePrompt = Callable[[Problem, Role], tuple[int, ...]]
Outcomes = tuple[Outcome | None, ...]


class Runner(Protocol):
    """The part of `engine.sandbox.Executor` that rollouts need."""

    def submit(self, source: str, inputs: Sequence[str], cpu_seconds: float | None = None) -> Future[list[Outcome]]: ...


@dataclass(frozen=True)
class RolloutSettings:
    """How much is sampled per task, and how."""

    n_programs: int
    m_tests: int
    coder: SamplingParams
    tester: SamplingParams
    truth_tests: int = 8
    judging: Judging = AS_A_PROCESS


@dataclass(frozen=True, eq=False)
class TaskRollouts:
    """One task's answers and what came of executing them.

    coder, tester: n and m completions. programs, tests: the same, parsed. truth_outcomes, generated_outcomes: n rows
    of t and m outcomes, None where nothing was run (a rejected program, a malformed test).
    """

    problem: Problem
    coder_prompt: tuple[int, ...]
    tester_prompt: tuple[int, ...]
    coder: tuple[Completion, ...]
    tester: tuple[Completion, ...]
    programs: tuple[Program | Rejected, ...]
    tests: tuple[UnitTest | Rejected, ...]
    truth_tests: tuple[IOExample, ...]
    truth_outcomes: tuple[Outcomes, ...]
    generated_outcomes: tuple[Outcomes, ...]
    matrix: PassMatrix


@dataclass(frozen=True)
class RolloutReport:
    """What a batch of rollouts cost: seconds of sampling, seconds of waiting for the executor afterwards."""

    sampling_seconds: float
    waiting_seconds: float
    tokens: int


@dataclass
class _Pending:
    """A task while its answers come in; the only mutable thing here, never seen outside."""

    problem: Problem
    truth_tests: tuple[IOExample, ...]
    prompts: dict[Role, tuple[int, ...]]
    answers: dict[Role, dict[int, Completion]] = field(default_factory=lambda: {role: {} for role in Role})
    programs: dict[int, Program | Rejected] = field(default_factory=dict)
    tests: dict[int, UnitTest | Rejected] = field(default_factory=dict)
    on_truth: dict[int, Future[list[Outcome]]] = field(default_factory=dict)
    on_generated: dict[int, Future[list[Outcome]]] = field(default_factory=dict)

    @property
    def programs_in_order(self) -> tuple[Program | Rejected, ...]:
        return tuple(self.programs[index] for index in sorted(self.programs))

    @property
    def tests_in_order(self) -> tuple[UnitTest | Rejected, ...]:
        return tuple(self.tests[index] for index in sorted(self.tests))


def roll_out(
    problems: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    settings: RolloutSettings,
    seed: int,
    observer: RolloutObserver | None = None,
) -> tuple[list[TaskRollouts], RolloutReport]:
    """Samples n programs and m tests for every task and fills its pass matrix.

    The same problems, weights, settings and seed give the same answers. Coders come first, so that programs are
    executed on ground truth while testers are still being sampled.
    """
    started = time.monotonic()
    sampled = start_rollouts(problems, encode, sampler, executor, settings, seed, observer)
    sampling_seconds = time.monotonic() - started
    rollouts = sampled.collect()
    tokens = sum(len(c.token_ids) for r in rollouts for c in (*r.coder, *r.tester))
    return rollouts, RolloutReport(sampling_seconds, time.monotonic() - started - sampling_seconds, tokens)


@dataclass(frozen=True, eq=False)
class StartedRollouts:
    """Sampled already, still being executed."""

    tasks: tuple[_Pending, ...]
    judging: Judging

    def collect(self) -> list[TaskRollouts]:
        """Waits for the executor and fills the matrices."""
        return [_close(task, self.judging) for task in self.tasks]


def start_rollouts(
    problems: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    settings: RolloutSettings,
    seed: int,
    observer: RolloutObserver | None = None,
) -> StartedRollouts:
    """The first half of `roll_out`: returns when all is sampled, with executions still under way."""
    pending = [_open(problem, encode, settings) for problem in problems]
    told = None if observer is None else _Telling(observer, pending, settings)
    on_delta = None if told is None else told.of_delta
    for role, count, params in (
        (Role.CODER, settings.n_programs, settings.coder),
        (Role.TESTER, settings.m_tests, settings.tester),
    ):
        requests = [
            Request(f"{place}/{role}", task.prompts[role], count, _request_seed(seed, task.problem, role))
            for place, task in enumerate(pending)
        ]
        for completion in sampler.sample(requests, params, on_delta):
            task = pending[_place(completion.request_id)]
            task.answers[role][completion.index] = completion
            if role is Role.CODER:
                _run_on_truth(task, completion, executor)
            else:
                task.tests[completion.index] = parse_unit_test(completion.text)
                if len(task.tests) == settings.m_tests:
                    _run_on_generated(task, executor)
            if told is not None:
                told.of_completion(completion)
    return StartedRollouts(tuple(pending), settings.judging)


def outcomes_on_tests(
    source: str, tests: Sequence[UnitTest | Rejected], executor: Runner, cpu_seconds: float
) -> Callable[[], tuple[Outcome | None, ...]]:
    """Starts a program on every well-formed test, each input once; call the result for the outcomes by test."""
    inputs = _distinct_inputs(tests)
    future = executor.submit(source, inputs, cpu_seconds)

    def collect() -> tuple[Outcome | None, ...]:
        by_input = dict(zip(inputs, future.result(), strict=True))
        return tuple(None if isinstance(test, Rejected) else by_input[test.input] for test in tests)

    return collect


def _open(problem: Problem, encode: EncodePrompt, settings: RolloutSettings) -> _Pending:
    prompts = {role: encode(problem, role) for role in Role}
    return _Pending(problem, problem.hidden[: settings.truth_tests], prompts)


def _request_seed(seed: int, problem: Problem, role: Role) -> int:
    """One stream of random numbers a group: depends on the task's id, not on its place in the batch."""
    return derive_seed(seed, role, problem.id)


def _run_on_truth(task: _Pending, completion: Completion, executor: Runner) -> None:
    program = parse_program(completion.text)
    task.programs[completion.index] = program
    if isinstance(program, Program) and task.truth_tests:
        inputs = _truth_inputs(task)
        task.on_truth[completion.index] = executor.submit(program.source, inputs, task.problem.time_limit)


def _run_on_generated(task: _Pending, executor: Runner) -> None:
    inputs = _distinct_inputs(task.tests.values())
    for index, program in task.programs.items():
        if isinstance(program, Program) and inputs:
            task.on_generated[index] = executor.submit(program.source, inputs, task.problem.time_limit)


def _truth_inputs(task: _Pending) -> list[str]:
    return list(dict.fromkeys(test.input for test in task.truth_tests))


def _distinct_inputs(tests: Iterable[UnitTest | Rejected]) -> list[str]:
    return list(dict.fromkeys(test.input for test in tests if isinstance(test, UnitTest)))


def _close(task: _Pending, judging: Judging) -> TaskRollouts:
    programs, tests = task.programs_in_order, task.tests_in_order
    truth_rows, generated_rows = _rows_on_truth(task), _rows_on_generated(task)
    return TaskRollouts(
        problem=task.problem,
        coder_prompt=task.prompts[Role.CODER],
        tester_prompt=task.prompts[Role.TESTER],
        coder=tuple(task.answers[Role.CODER][index] for index in range(len(programs))),
        tester=tuple(task.answers[Role.TESTER][index] for index in range(len(tests))),
        programs=programs,
        tests=tests,
        truth_tests=task.truth_tests,
        truth_outcomes=truth_rows,
        generated_outcomes=generated_rows,
        matrix=_matrix(task, truth_rows, generated_rows, judging),
    )


def _rows_on_truth(task: _Pending) -> tuple[Outcomes, ...]:
    return tuple(_row_on_truth(task, index) for index in sorted(task.programs))


def _row_on_truth(task: _Pending, index: int) -> Outcomes:
    by_input = _by_input(_truth_inputs(task), task.on_truth.get(index))
    return tuple(by_input.get(test.input) for test in task.truth_tests)


def _rows_on_generated(task: _Pending) -> tuple[Outcomes, ...]:
    inputs, tests = _distinct_inputs(task.tests.values()), task.tests_in_order
    rows = []
    for index in sorted(task.programs):
        by_input = _by_input(inputs, task.on_generated.get(index))
        rows.append(tuple(None if isinstance(test, Rejected) else by_input.get(test.input) for test in tests))
    return tuple(rows)


def _matrix(
    task: _Pending, truth_rows: Sequence[Outcomes], generated_rows: Sequence[Outcomes], judging: Judging
) -> PassMatrix:
    programs, tests = task.programs_in_order, task.tests_in_order
    expected = [None if isinstance(test, Rejected) else test.output for test in tests]
    truth_nt, known_nt = _verdicts(truth_rows, [test.output for test in task.truth_tests], judging)
    generated_nm, known_nm = _verdicts(generated_rows, expected, judging)
    return PassMatrix(
        truth_nt=truth_nt,
        generated_nm=generated_nm,
        malformed_m=np.array([isinstance(test, Rejected) for test in tests], dtype=np.bool_),
        rejected_n=np.array([isinstance(program, Rejected) for program in programs], dtype=np.bool_),
        known_nt=known_nt,
        known_nm=known_nm,
    )


def _by_input(inputs: list[str], future: Future[list[Outcome]] | None) -> dict[str, Outcome]:
    return {} if future is None else dict(zip(inputs, future.result(), strict=True))


def _verdicts(
    rows: Sequence[Outcomes], expected: Sequence[str | None], judging: Judging
) -> tuple[BoolArray, BoolArray]:
    """Passed and known, (n, columns). A cell is unknown only where the sandbox itself failed."""
    shape = (len(rows), len(expected))
    passed, known = np.zeros(shape, dtype=np.bool_), np.ones(shape, dtype=np.bool_)
    for row, outcomes in enumerate(rows):
        for column, (outcome, output) in enumerate(zip(outcomes, expected, strict=True)):
            if outcome is None or output is None:
                continue
            known[row, column] = outcome.status is not Status.INFRASTRUCTURE
            passed[row, column] = passes(outcome, output, judging)
    return passed, known


def _place(request_id: str) -> int:
    """Of the task in its batch, from the id that `start_rollouts` gives its requests."""
    return int(request_id.split("/")[0])


class _Telling:
    """Puts what happens to a batch into an observer's words."""

    def __init__(self, observer: RolloutObserver, tasks: Sequence[_Pending], settings: RolloutSettings) -> None:
        self._observer, self._tasks, self._settings = observer, tasks, settings

    def of_delta(self, delta: Delta) -> None:
        self._observer.on_tokens(self._answer(delta.request_id, delta.index), delta.token_ids)

    def of_completion(self, completion: Completion) -> None:
        """After its program or test was read and handed to the executor."""
        task, answer = self._tasks[_place(completion.request_id)], self._answer(completion.request_id, completion.index)
        self._observer.on_completion(answer, completion)
        if answer.role is Role.CODER:
            self._of_program(task, answer)
            return
        if isinstance(task.tests[answer.index], Rejected):
            self._observer.on_verdict(answer, MALFORMED)
        if len(task.tests) == self._settings.m_tests:
            done = [*task.on_truth.values(), *task.on_generated.values()]
            when_done(done, lambda: self._of_tests(task))

    def _answer(self, request_id: str, index: int) -> Answer:
        return Answer(self._tasks[_place(request_id)].problem.id, Role(request_id.split("/")[1]), index)

    def _of_program(self, task: _Pending, answer: Answer) -> None:
        if isinstance(task.programs[answer.index], Rejected):
            self._observer.on_verdict(answer, REJECTED)
        elif answer.index in task.on_truth:
            when_done([task.on_truth[answer.index]], lambda: self._of_executed(task, answer))

    def _of_executed(self, task: _Pending, answer: Answer) -> None:
        outcomes_t = [outcome for outcome in _row_on_truth(task, answer.index) if outcome is not None]
        self._observer.on_verdict(answer, verdict_of_program(outcomes_t, task.truth_tests, self._settings.judging))

    def _of_tests(self, task: _Pending) -> None:
        matrix = _matrix(task, _rows_on_truth(task), _rows_on_generated(task), self._settings.judging)
        for index, verdict in enumerate(verdicts_of_tests(matrix)):
            if verdict is not MALFORMED:  # told when it was read
                self._observer.on_verdict(Answer(task.problem.id, Role.TESTER, index), verdict)
