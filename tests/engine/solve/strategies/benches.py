"""Benches for tests of strategies over the scripted family, and an executor whose outcomes are there at once."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from engine.problems import Problem
from engine.rollouts.executing import Runner
from engine.sandbox import Outcome, Peers, Status
from engine.solve.strategies import Bench
from engine.solve.writers import Writer
from tests.engine.solve.strategies.family import TASK, Family


class Instant:
    """Runner of the family's own programs, within this process: these are known, and harmless."""

    def submit(
        self, source: str, inputs: Sequence[str], cpu_seconds: float | None = None, peers: Peers | None = None
    ) -> Future[list[Outcome]]:
        done: Future[list[Outcome]] = Future()
        done.set_result([_outcome(source, stdin) for stdin in inputs])
        return done


def _outcome(source: str, stdin: str) -> Outcome:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(source, {"input": lambda: stdin})
    except Exception as error:  # noqa: BLE001  (as a program may end)
        return Outcome(Status.RUNTIME_ERROR, printed.getvalue(), repr(error))
    return Outcome(Status.OK, printed.getvalue())


def bench_of(
    coder: Family | Writer,
    tester: Family | Writer,
    *,
    runner: Runner | None = None,
    problem: Problem = TASK,
    n: int = 4,
    m: int = 4,
    **options: Any,
) -> Bench:
    """Return a bench for the family's task."""
    writers = [each.writer() if isinstance(each, Family) else each for each in (coder, tester)]
    return Bench(problem, problem.statement, writers[0], writers[1], runner or Instant(), n, m, **options)
