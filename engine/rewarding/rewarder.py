"""Rewarder: answers of both roles to some tasks become pass matrices and rewards, as in a training run.

with Rewarder.of_preset("nano") as rewarder:
    (rewards,) = rewarder.reward([TaskAnswers.read(problem, coder_texts, tester_texts)])
    rewards.matrix, rewards.coder_n, rewards.tester_m
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from engine.config import RunConfig
from engine.errors import ConfigError, DataError
from engine.presets import load_preset
from engine.problems import Problem
from engine.prompts import Program, Reading, Rejected, UnitTest, read_program, read_unit_test
from engine.reward.pass_matrix import FloatArray, PassMatrix
from engine.reward.rewards import coder_rewards, tester_rewards
from engine.rollouts.executing import open_executor
from engine.rollouts.filling import Filling
from engine.sandbox import TIME_RULES, Executor, judging_of


@dataclass(frozen=True, eq=False)
class TaskAnswers:
    """Answers to one task: n programs and m generated tests, each read or rejected."""

    problem: Problem
    programs: tuple[Program | Rejected, ...]
    tests: tuple[UnitTest | Rejected, ...]

    @classmethod
    def read(
        cls,
        problem: Problem,
        coder: Sequence[str],
        tester: Sequence[str],
        reading: Reading = Reading.STRICT,
        *,
        in_thought: bool = False,
    ) -> TaskAnswers:
        """Read the texts of n coder's and m tester's answers. in_thought: prompts end within an open thought."""
        return cls(
            problem,
            tuple(read_program(text, reading, in_thought=in_thought) for text in coder),
            tuple(read_unit_test(text, reading, in_thought=in_thought) for text in tester),
        )


@dataclass(frozen=True, eq=False)
class TaskRewards:
    """Rewards of one task.

    matrix: verdicts of the n programs on t ground-truth and m generated tests. coder_n: R_s, (n,). tester_m: R_u, (m,),
    or None where the tests cannot be judged (no program is correct), which a training run counts as zeros.
    """

    matrix: PassMatrix
    coder_n: FloatArray
    tester_m: FloatArray | None

    @property
    def tester_or_zeros_m(self) -> FloatArray:
        """R_u, (m,), and zeros without signal: equal rewards, so the group has no gradient."""
        return np.zeros(self.matrix.n_generated) if self.tester_m is None else self.tester_m


class Rewarder:
    """Rules by which answers are rewarded, and the executor that runs their programs. Thread-safe.

    Used are the sections `reward` and `sandbox` of a run's settings, `rollout.reading` and `rollout.truth_tests`.
    Length shaping and the treatment of truncated answers belong to a trainer: they need its tokens.

    The executor is opened on entry, or by the first answers; each process has its own, so a rewarder can be pickled and
    used after a fork.
    """

    def __init__(self, config: RunConfig) -> None:
        """Prepare. Raises ConfigError for rewards that only a training run can give: it holds the tests they need."""
        reward = config.reward
        for name, given, known in (
            ("labels", reward.labels, "hidden"), ("tester_supervision", reward.tester_supervision, "none")
        ):  # fmt: skip
            if given != known:
                raise ConfigError(
                    f"reward.{name} = {given!r} is for runs of cure-tui alone", f"set reward.{name} = {known!r} here"
                )
        self.config = config
        self.judging = judging_of(config.sandbox.judging, config.sandbox.comparison)
        self._executor: Executor | None = None
        self._owner_pid = os.getpid()
        self._closed = False
        self._opening = threading.Lock()

    @classmethod
    def of_preset(cls, name: str, overrides: Sequence[str] = ()) -> Rewarder:
        """Take the settings of a preset, with overrides such as "sandbox.cells=8". Raises ConfigError."""
        return cls(load_preset(name, overrides))

    @property
    def reading(self) -> Reading:
        return Reading(self.config.rollout.reading)

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def executor(self) -> Executor:
        """The executor of this process. Raises EnvironmentError_ if programs cannot be confined here."""
        with self._opening:
            if self._closed:
                raise RuntimeError("this rewarder is closed")
            if self._executor is None or self._owner_pid != os.getpid():
                self._executor, self._owner_pid = open_executor(self.config.sandbox), os.getpid()
            return self._executor

    def reward(self, tasks: Sequence[TaskAnswers]) -> list[TaskRewards]:
        """Run every program on every test of its task and return the rewards, task by task.

        All programs are submitted at once: those of one task are executed while another's are judged. Raises DataError
        for a task without an answer of a coder.
        """
        for task in tasks:
            if not task.programs:
                raise DataError(f"task {task.problem.id} has no program that could judge its tests", "give it one")
        executor = self.executor
        return [self._score(filling) for filling in [self._submit(task, executor) for task in tasks]]

    def close(self) -> None:
        """End the executor; answers under way get no rewards (CancelledError). May be called repeatedly."""
        with self._opening:
            self._closed = True
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.close()

    def __enter__(self) -> Rewarder:
        _ = self.executor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Rewarder], tuple[RunConfig]]:
        return type(self), (self.config,)

    def _submit(self, task: TaskAnswers, executor: Executor) -> Filling:
        problem = task.problem
        filling = Filling(
            problem,
            self.judging.for_task(problem.compare),
            problem.hidden[: self.config.rollout.truth_tests],
            len(task.tests),
            executor,
            TIME_RULES[self.config.sandbox.time_rule](),
        )
        for index, test in enumerate(task.tests):
            filling.take_test(index, test)
        for index, program in enumerate(task.programs):
            filling.take_program(index, program)
        return filling

    def _score(self, filling: Filling) -> TaskRewards:
        matrix, settings = filling.collect().matrix, self.config.reward
        return TaskRewards(
            matrix, coder_rewards(matrix), tester_rewards(matrix, settings.tester_variant, settings.without_correct)
        )
