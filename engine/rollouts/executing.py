"""Execution of sampled programs on tests: training, evaluation and solving all hand programs to the sandbox here.

Runner         the part of `engine.sandbox.Executor` that fills pass matrices
open_executor  the executor that a run's settings ask for
execute        program, inputs -> a ProgramRun under way: each distinct input once
ProgramRun     outcomes of one program by input and by test

A rejected program and a malformed test are never executed: both keep their row or column, without outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

from engine.config.schema import SandboxConfig
from engine.problems import IOExample
from engine.prompts import Program, Rejected, UnitTest
from engine.sandbox import Executor, Limits, Outcome, Peers, check_libraries
from engine.sandbox.judging import PROFILES


class Runner(Protocol):
    """The part of `engine.sandbox.Executor` that fills pass matrices."""

    def submit(
        self, source: str, inputs: Sequence[str], cpu_seconds: float | None = None, peers: Peers | None = None
    ) -> Future[list[Outcome]]: ...


def open_executor(settings: SandboxConfig) -> Executor:
    """Open the executor of a run. Raises EnvironmentError_: programs cannot be confined, or a library is missing."""
    executor = Executor(
        Limits.of(settings),
        cells=settings.cells or None,
        allow_unsandboxed=settings.allow_unconfined,
        swallow_prompts=PROFILES[settings.judging].swallow_prompts,
        libraries=settings.libraries,
    )
    with ExitStack() as otherwise:
        otherwise.callback(executor.close)
        if settings.libraries:
            check_libraries(executor.level, settings.libraries)
        otherwise.pop_all()
    return executor


@dataclass(frozen=True, eq=False)
class ProgramRun:
    """Run of one program on distinct inputs. future: an outcome per input, None where nothing was executed.

    before: another run of the same program, whose outcomes are not asked for again.
    """

    inputs: tuple[str, ...]
    future: Future[list[Outcome]] | None
    before: ProgramRun | None = None

    def by_input(self) -> dict[str, Outcome]:
        """Wait for the outcomes of all inputs; empty where nothing was executed."""
        known = {} if self.before is None else self.before.by_input()
        return known if self.future is None else known | dict(zip(self.inputs, self.future.result(), strict=True))

    def by_test(self, tests: Iterable[IOExample | UnitTest | Rejected]) -> tuple[Outcome | None, ...]:
        """Wait for the outcome of each test; None for a malformed test or a rejected program."""
        by_input = self.by_input()
        return tuple(None if isinstance(test, Rejected) else by_input.get(test.input) for test in tests)


def execute(
    program: Program | Rejected,
    inputs: Iterable[str],
    runner: Runner,
    cpu_seconds: float | None,
    peers: Peers | None = None,
    before: ProgramRun | None = None,
) -> ProgramRun:
    """Submit a program with every distinct input.

    cpu_seconds: the task's own limit, None for the runner's. peers: programs to which its time is relative, if any.
    before: a run of the same program; what it has executed counts. The executor's cache would forget a time-out that
    a busy machine may have caused, and a matrix with two outcomes of one execution contradicts itself.
    """
    known = () if before is None else before.inputs
    distinct = tuple(dict.fromkeys(text for text in inputs if text not in known))
    if isinstance(program, Rejected) or not distinct:
        return ProgramRun(distinct, None, before)
    return ProgramRun(distinct, runner.submit(program.source, distinct, cpu_seconds, peers), before)


def inputs_of(tests: Iterable[IOExample | UnitTest | Rejected]) -> list[str]:
    """Return the inputs of the well-formed tests, in order."""
    return [test.input for test in tests if not isinstance(test, Rejected)]
