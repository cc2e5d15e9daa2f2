"""Rollouts of a batch of tasks: sample programs and tests, run each program on each test, return pass matrices.

Execution overlaps sampling: a program runs on the ground-truth tests as soon as it is sampled, and on the generated
tests as soon as all tests of its task are. Training and evaluation get their matrices here, seeded and in batches.
Solving fills the `Board` of one problem as answers arrive (`engine.solve.strategies`); both execute programs by
`engine.rollouts.executing`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

from engine.config import RolloutConfig
from engine.config.schema import TimeRule
from engine.problems import Problem
from engine.prompts import Reading, Rejected, Role, read_program, read_unit_test
from engine.rollouts.executing import Runner
from engine.rollouts.filling import FilledTask, Filling
from engine.rollouts.known import Group, Known, NothingKnown
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
from engine.sandbox import TIME_RULES, Judging
from engine.seeds import derive_seed

EncodePrompt = Callable[[Problem, Role], tuple[int, ...]]


@dataclass(frozen=True, eq=False, kw_only=True)
class TaskRollouts(FilledTask):
    """Filled task with the prompts and completions of both roles: n of the coder, m of the tester."""

    coder_prompt: tuple[int, ...]
    tester_prompt: tuple[int, ...]
    coder: tuple[Completion, ...]
    tester: tuple[Completion, ...]


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
class _Pending(Filling):
    """Filling with the completions that have arrived; private to this file."""

    prompts: dict[Role, tuple[int, ...]] = field(default_factory=dict)
    answers: dict[Role, dict[int, Completion]] = field(default_factory=lambda: {role: {} for role in Role})

    def take(self, role: Role, completion: Completion, reading: Reading, *, in_thought: bool) -> None:
        """Read an answer's program or test and hand it to the executor."""
        self.answers[role][completion.index] = completion
        text, finished = completion.text, completion.finished
        if role is Role.CODER:
            program = read_program(text, reading, in_thought=in_thought, finished=finished)
            self.take_program(completion.index, program)
        else:
            test = read_unit_test(text, reading, in_thought=in_thought, finished=finished)
            self.take_test(completion.index, test)


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


def groups_of(problems: Sequence[Problem], encode: EncodePrompt, settings: RolloutConfig, seed: int) -> list[Group]:
    """Return the groups of answers that a batch of rollouts samples, the coders' first."""
    return [
        Group(
            problem.id,
            role,
            encode(problem, role),
            count,
            SamplingParams(settings.temperature, settings.top_p, longest),
            # By the task's id, not its place: a group samples the same answers in any batch.
            derive_seed(seed, role, problem.id),
        )
        for role, count, longest in (
            (Role.CODER, settings.n_programs, settings.max_new_tokens_coder),
            (Role.TESTER, settings.m_tests, settings.max_new_tokens_tester),
        )
        for problem in problems
    ]


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
    known: Known | None = None,
) -> StartedRollouts:
    """Sample all answers and return while executions are still under way: the first half of `roll_out`.

    known: answers that need not be sampled; it keeps the others as they arrive. The observer does not see known ones.
    """
    known = known or NothingKnown()
    reading = Reading(settings.reading)
    pending = [
        _Pending(
            problem,
            judging.for_task(problem.compare),
            problem.hidden[: settings.truth_tests],
            settings.m_tests,
            executor,
            TIME_RULES[time_rule](),
            prompts={role: encode(problem, role) for role in Role},
        )
        for problem in problems
    ]
    reporter = None if observer is None else _Reporter(observer, pending, settings.m_tests)
    on_delta = None if reporter is None else reporter.report_tokens
    groups = groups_of(problems, encode, settings, seed)
    # Coders first: the sandbox runs their programs on ground truth while the sampler is busy with testers.
    for role in (Role.CODER, Role.TESTER):
        of_role = [group for group in groups if group.role is role]
        requests = []
        for place, (task, group) in enumerate(zip(pending, of_role, strict=True)):
            there = known.of(group)
            for completion in there.values():
                task.take(role, completion, reading, in_thought=in_thought)
            if len(there) < group.count:
                name = f"{place}/{role}"
                requests.append(Request(name, group.prompt_ids, group.count, group.seed, frozenset(there)))
        for completion in sampler.sample(requests, of_role[0].params, on_delta) if requests else ():
            place = _place(completion.request_id)
            known.keep(of_role[place], completion)
            pending[place].take(role, completion, reading, in_thought=in_thought)
            if reporter is not None:
                reporter.report_completion(completion)
    return StartedRollouts(tuple(pending))


def _close(task: _Pending) -> TaskRollouts:
    filled = task.collect()
    return TaskRollouts(
        **{each.name: getattr(filled, each.name) for each in fields(filled)},
        coder_prompt=task.prompts[Role.CODER],
        tester_prompt=task.prompts[Role.TESTER],
        coder=tuple(task.answers[Role.CODER][index] for index in sorted(task.programs)),
        tester=tuple(task.answers[Role.TESTER][index] for index in sorted(task.tests)),
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
        matrix = task.matrix(task.truth_rows, task.generated_rows)
        for index, judgement in enumerate(judge_tests(matrix)):
            if judgement is not MALFORMED:  # reported when it was parsed
                self._observer.on_judgement(RolloutKey(task.problem.id, Role.TESTER, index), judgement)
