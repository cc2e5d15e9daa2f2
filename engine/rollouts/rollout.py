"""Rollouts of a batch of tasks: sample programs and tests, run each program on each test, return pass matrices.

Execution overlaps sampling: a program runs on the ground-truth tests as soon as it is sampled, and on the generated
tests as soon as all tests of its task are. Training and evaluation get their matrices here, seeded and in batches.
Solving fills the `Board` of one problem as answers arrive (`engine.solve.strategies`); both execute programs by
`engine.rollouts.executing`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.config import RolloutConfig
from engine.config.schema import TimeRule
from engine.problems import IOExample, Problem
from engine.prompts import Program, Reading, Rejected, Role, UnitTest, read_program, read_unit_test
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
from engine.sandbox import TIME_RULES, Judging, Outcome, Peers, verdict
from engine.seeds import derive_seed

EncodePrompt = Callable[[Problem, Role], tuple[int, ...]]
Outcomes = tuple[Outcome | None, ...]


@dataclass(frozen=True, eq=False)
class TaskRollouts:
    """Answers of both roles to one task, and the outcomes of executing them.

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
    """Cost of a batch of rollouts. waiting_seconds: for executions that sampling did not hide. tokens: all sampled."""

    sampling_seconds: float
    waiting_seconds: float
    tokens: int

    def __add__(self, other: RolloutReport) -> RolloutReport:
        return RolloutReport(
            self.sampling_seconds + other.sampling_seconds,
            self.waiting_seconds + other.waiting_seconds,
            self.tokens + other.tokens,
        )


@dataclass
class _Pending:
    """Task whose answers are still arriving; the only mutable class of this file, and private to it."""

    problem: Problem
    judging: Judging
    truth_tests: tuple[IOExample, ...]
    prompts: dict[Role, tuple[int, ...]]
    peers: Peers | None
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
        """Outcomes of the n programs on the t ground-truth tests; waits for the executor."""
        return tuple(self.on_truth[index].by_test(self.truth_tests) for index in sorted(self.programs))

    @property
    def generated_rows(self) -> tuple[Outcomes, ...]:
        """Outcomes of the n programs on the m generated tests; waits for the executor."""
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
    time_rule: TimeRule = "exact",
    *,
    in_thought: bool = False,
) -> tuple[list[TaskRollouts], RolloutReport]:
    """Sample n programs and m tests for every task, execute them, and fill the task's pass matrix.

    The same problems, weights, settings and seed give the same answers. time_rule: "relative" ends programs far slower
    than the others of their task, by `engine.sandbox.Peers`. in_thought: prompts end within an open thought.
    """
    started = time.monotonic()
    sampled = start_rollouts(
        problems, encode, sampler, executor, settings, judging, seed, observer, time_rule, in_thought=in_thought
    )
    sampling_seconds = time.monotonic() - started
    rollouts = sampled.collect()
    tokens = sum(len(c.token_ids) for r in rollouts for c in (*r.coder, *r.tester))
    return rollouts, RolloutReport(sampling_seconds, time.monotonic() - started - sampling_seconds, tokens)


@dataclass(frozen=True, eq=False)
class StartedRollouts:
    """Rollouts that are sampled, with executions still under way."""

    tasks: tuple[_Pending, ...]

    def collect(self) -> list[TaskRollouts]:
        """Wait for the executor and fill the pass matrices."""
        return [_close(task) for task in self.tasks]


def start_rollouts(
    problems: Sequence[Problem],
    encode: EncodePrompt,
    sampler: Sampler,
    executor: Runner,
    settings: RolloutConfig,
    judging: Judging,
    seed: int,
    observer: RolloutObserver | None = None,
    time_rule: TimeRule = "exact",
    *,
    in_thought: bool = False,
) -> StartedRollouts:
    """Sample all answers and return while executions are still under way: the first half of `roll_out`."""
    pending = [
        _Pending(
            problem,
            judging.for_task(problem.compare),
            problem.hidden[: settings.truth_tests],
            {role: encode(problem, role) for role in Role},
            TIME_RULES[time_rule](),
        )
        for problem in problems
    ]
    reporter = None if observer is None else _Reporter(observer, pending, settings.m_tests)
    on_delta = None if reporter is None else reporter.report_tokens
    reading = Reading(settings.reading)
    # Coders first: the sandbox runs their programs on ground truth while the sampler is busy with testers.
    for role, count, longest in (
        (Role.CODER, settings.n_programs, settings.max_new_tokens_coder),
        (Role.TESTER, settings.m_tests, settings.max_new_tokens_tester),
    ):
        params = SamplingParams(settings.temperature, settings.top_p, longest)
        requests = [
            # By the task's id, not its place: a group samples the same answers in any batch.
            Request(f"{place}/{role}", task.prompts[role], count, derive_seed(seed, role, task.problem.id))
            for place, task in enumerate(pending)
        ]
        for completion in sampler.sample(requests, params, on_delta):
            task = pending[_place(completion.request_id)]
            task.answers[role][completion.index] = completion
            seconds = task.problem.time_limit
            if role is Role.CODER:
                program = task.programs[completion.index] = read_program(
                    completion.text, reading, in_thought=in_thought, finished=completion.finished
                )
                task.on_truth[completion.index] = execute(
                    program, inputs_of(task.truth_tests), executor, seconds, task.peers
                )
            else:
                task.tests[completion.index] = read_unit_test(
                    completion.text, reading, in_thought=in_thought, finished=completion.finished
                )
                # All tests in one submission: equal inputs run once, and the executor wakes up once, not m times.
                if len(task.tests) == settings.m_tests:
                    inputs = inputs_of(task.tests.values())
                    for index, program in task.programs.items():
                        task.on_generated[index] = execute(program, inputs, executor, seconds, task.peers)
            if reporter is not None:
                reporter.report_completion(completion)
    return StartedRollouts(tuple(pending))


def _close(task: _Pending) -> TaskRollouts:
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
        matrix=_matrix(task, truth_rows, generated_rows),
    )


def _matrix(task: _Pending, truth_rows: Sequence[Outcomes], generated_rows: Sequence[Outcomes]) -> PassMatrix:
    tests = task.tests_in_order
    expected_m = [None if isinstance(test, Rejected) else test.output for test in tests]

    def verdicts(rows: Sequence[Outcomes], expected: Sequence[str | None]) -> list[list[bool | None]]:
        return [
            [
                None if outcome is None or output is None else verdict(outcome, output, task.judging)
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


class _Reporter:
    """Translator of sampler and executor events into calls of an observer."""

    def __init__(self, observer: RolloutObserver, tasks: Sequence[_Pending], m_tests: int) -> None:
        self._observer, self._tasks, self._m_tests = observer, tasks, m_tests

    def report_tokens(self, delta: Delta) -> None:
        self._observer.on_tokens(self._key(delta.request_id, delta.index), delta.token_ids)

    def report_completion(self, completion: Completion) -> None:
        """Report an answer whose program or test was parsed and handed to the executor."""
        task, key = self._tasks[_place(completion.request_id)], self._key(completion.request_id, completion.index)
        self._observer.on_completion(key, completion)
        if key.role is Role.CODER:
            if isinstance(task.programs[key.index], Rejected):
                self._observer.on_judgement(key, REJECTED)
            elif task.truth_tests:
                when_done([task.on_truth[key.index]], lambda: self._report_executed(task, key))
            return
        if isinstance(task.tests[key.index], Rejected):
            self._observer.on_judgement(key, MALFORMED)
        if len(task.tests) == self._m_tests:
            when_done([*task.on_truth.values(), *task.on_generated.values()], lambda: self._report_tests(task))

    def _key(self, request_id: str, index: int) -> RolloutKey:
        return RolloutKey(self._tasks[_place(request_id)].problem.id, Role(request_id.split("/")[1]), index)

    def _report_executed(self, task: _Pending, key: RolloutKey) -> None:
        outcomes_t = [outcome for outcome in task.on_truth[key.index].by_test(task.truth_tests) if outcome is not None]
        self._observer.on_judgement(key, judge_program(outcomes_t, task.truth_tests, task.judging))

    def _report_tests(self, task: _Pending) -> None:
        matrix = _matrix(task, task.truth_rows, task.generated_rows)
        for index, judgement in enumerate(judge_tests(matrix)):
            if judgement is not MALFORMED:  # reported when it was parsed
                self._observer.on_judgement(RolloutKey(task.problem.id, Role.TESTER, index), judgement)
