"""Rollouts of a batch of tasks: programs and tests are sampled, each executed on each. Tasks in, pass matrices out.

Execution overlaps sampling: a program runs on the ground-truth tests as soon as it is sampled, and on the generated
tests as soon as its task's tests are. Training and evaluation get their matrices here, seeded and in batches. Solving
fills the `Board` of one problem as answers arrive (`engine.solve.strategies`); both execute programs by
`engine.rollouts.executing`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.config import RolloutConfig
from engine.problems import IOExample, Problem
from engine.prompts import Program, Rejected, Role, UnitTest, parse_program, parse_unit_test
from engine.reward.pass_matrix import PassMatrix, pass_matrix_from_verdicts
from engine.rollouts.executing import ProgramRun, Runner, execute, inputs_of
from engine.rollouts.observer import (
    MALFORMED,
    REJECTED,
    RolloutKey,
    RolloutObserver,
    judge_program,
    judge_tests,
    when_done,
)
from engine.sampling import Completion, Delta, Request, Sampler, SamplingParams
from engine.sandbox import Judging, Outcome, verdict
from engine.seeds import derive_seed

EncodePrompt = Callable[[Problem, Role], tuple[int, ...]]
Outcomes = tuple[Outcome | None, ...]


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
    on_truth: dict[int, ProgramRun] = field(default_factory=dict)
    on_generated: dict[int, ProgramRun] = field(default_factory=dict)

    @property
    def programs_in_order(self) -> tuple[Program | Rejected, ...]:
        return tuple(self.programs[index] for index in sorted(self.programs))

    @property
    def tests_in_order(self) -> tuple[UnitTest | Rejected, ...]:
        return tuple(self.tests[index] for index in sorted(self.tests))

    @property
    def truth_rows(self) -> tuple[Outcomes, ...]:
        """Outcomes of the n programs on the t ground-truth tests, once they are there."""
        return tuple(self.on_truth[index].by_test(self.truth_tests) for index in sorted(self.programs))

    @property
    def generated_rows(self) -> tuple[Outcomes, ...]:
        """Outcomes of the n programs on the m generated tests, once they are there."""
        tests = self.tests_in_order
        return tuple(self.on_generated[index].by_test(tests) if tests else () for index in sorted(self.programs))


def roll_out(
    problems: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    settings: RolloutConfig,
    judging: Judging,
    seed: int,
    observer: RolloutObserver | None = None,
) -> tuple[list[TaskRollouts], RolloutReport]:
    """Sample n programs and m tests for every task and fill its pass matrix.

    The same problems, weights, settings and seed give the same answers. Coders come first, so that programs are
    executed on ground truth while testers are still being sampled.
    """
    started = time.monotonic()
    sampled = start_rollouts(problems, encode, sampler, executor, settings, judging, seed, observer)
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
        """Wait for the executor and fill the matrices."""
        return [_close(task, self.judging) for task in self.tasks]


def start_rollouts(
    problems: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    settings: RolloutConfig,
    judging: Judging,
    seed: int,
    observer: RolloutObserver | None = None,
) -> StartedRollouts:
    """Do the first half of `roll_out`: return when all is sampled, with executions still under way."""
    pending = [_open(problem, encode, settings) for problem in problems]
    told = None if observer is None else _Telling(observer, pending, settings.m_tests, judging)
    on_delta = None if told is None else told.of_delta
    for role, count, longest in (
        (Role.CODER, settings.n_programs, settings.max_new_tokens_coder),
        (Role.TESTER, settings.m_tests, settings.max_new_tokens_tester),
    ):
        params = SamplingParams(settings.temperature, settings.top_p, longest)
        requests = [
            Request(f"{place}/{role}", task.prompts[role], count, _request_seed(seed, task.problem, role))
            for place, task in enumerate(pending)
        ]
        for completion in sampler.sample(requests, params, on_delta):
            task = pending[_place(completion.request_id)]
            task.answers[role][completion.index] = completion
            seconds = task.problem.time_limit
            if role is Role.CODER:
                program = task.programs[completion.index] = parse_program(completion.text)
                task.on_truth[completion.index] = execute(program, inputs_of(task.truth_tests), executor, seconds)
            else:
                task.tests[completion.index] = parse_unit_test(completion.text)
                if len(task.tests) == settings.m_tests:
                    inputs = inputs_of(task.tests.values())
                    for index, program in task.programs.items():
                        task.on_generated[index] = execute(program, inputs, executor, seconds)
            if told is not None:
                told.of_completion(completion)
    return StartedRollouts(tuple(pending), judging)


def _open(problem: Problem, encode: EncodePrompt, settings: RolloutConfig) -> _Pending:
    prompts = {role: encode(problem, role) for role in Role}
    return _Pending(problem, problem.hidden[: settings.truth_tests], prompts)


def _request_seed(seed: int, problem: Problem, role: Role) -> int:
    """Give a group its own stream of random numbers: by its task's id, not by its place in the batch."""
    return derive_seed(seed, role, problem.id)


def _close(task: _Pending, judging: Judging) -> TaskRollouts:
    programs, tests = task.programs_in_order, task.tests_in_order
    truth_rows, generated_rows = task.truth_rows, task.generated_rows
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


def _matrix(
    task: _Pending, truth_rows: Sequence[Outcomes], generated_rows: Sequence[Outcomes], judging: Judging
) -> PassMatrix:
    tests = task.tests_in_order
    expected_m = [None if isinstance(test, Rejected) else test.output for test in tests]

    def verdicts(rows: Sequence[Outcomes], expected: Sequence[str | None]) -> list[list[bool | None]]:
        return [
            [
                None if outcome is None or output is None else verdict(outcome, output, judging)
                for outcome, output in zip(row, expected, strict=True)
            ]
            for row in rows
        ]

    return pass_matrix_from_verdicts(
        verdicts(truth_rows, [test.output for test in task.truth_tests]),
        verdicts(generated_rows, expected_m),
        malformed=[isinstance(test, Rejected) for test in tests],
        rejected=[isinstance(program, Rejected) for program in task.programs_in_order],
    )


def _place(request_id: str) -> int:
    """Read a task's place in its batch from the id that `start_rollouts` gives its requests."""
    return int(request_id.split("/")[0])


class _Telling:
    """Puts what happens to a batch into an observer's words."""

    def __init__(self, observer: RolloutObserver, tasks: Sequence[_Pending], m_tests: int, judging: Judging) -> None:
        self._observer, self._tasks, self._m_tests, self._judging = observer, tasks, m_tests, judging

    def of_delta(self, delta: Delta) -> None:
        self._observer.on_tokens(self._key(delta.request_id, delta.index), delta.token_ids)

    def of_completion(self, completion: Completion) -> None:
        """Tell of an answer after its program or test was read and handed to the executor."""
        task, key = self._tasks[_place(completion.request_id)], self._key(completion.request_id, completion.index)
        self._observer.on_completion(key, completion)
        if key.role is Role.CODER:
            self._of_program(task, key)
            return
        if isinstance(task.tests[key.index], Rejected):
            self._observer.on_judgement(key, MALFORMED)
        if len(task.tests) == self._m_tests:
            when_done([*task.on_truth.values(), *task.on_generated.values()], lambda: self._of_tests(task))

    def _key(self, request_id: str, index: int) -> RolloutKey:
        return RolloutKey(self._tasks[_place(request_id)].problem.id, Role(request_id.split("/")[1]), index)

    def _of_program(self, task: _Pending, key: RolloutKey) -> None:
        if isinstance(task.programs[key.index], Rejected):
            self._observer.on_judgement(key, REJECTED)
        elif task.truth_tests:
            when_done([task.on_truth[key.index]], lambda: self._of_executed(task, key))

    def _of_executed(self, task: _Pending, key: RolloutKey) -> None:
        outcomes_t = [outcome for outcome in task.on_truth[key.index].by_test(task.truth_tests) if outcome is not None]
        self._observer.on_judgement(key, judge_program(outcomes_t, task.truth_tests, self._judging))

    def _of_tests(self, task: _Pending) -> None:
        matrix = _matrix(task, task.truth_rows, task.generated_rows, self._judging)
        for index, judgement in enumerate(judge_tests(matrix)):
            if judgement is not MALFORMED:  # told when it was read
                self._observer.on_judgement(RolloutKey(task.problem.id, Role.TESTER, index), judgement)
