"""Verdicts on a machine that is busy with other work: they are those of an idle one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from engine.sandbox import Executor, Limits, Outcome, SandboxLevel, Status

COMPUTES = "import time\nwhile time.process_time() < {share} * {limit}: pass\nprint('right', input())"
SLEEPS = {
    "for ever": "import time\ntime.sleep(1e6)",
    "in naps": "import time\nwhile True: time.sleep(0.05)",
    "on a lock": "import threading\nthreading.Lock().acquire() and threading.Event().wait()",
    "stopped": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
}


@pytest.fixture
def busy_machine() -> Iterator[None]:
    loop = [sys.executable, "-I", "-S", "-c", "while True: pass"]
    # In sessions of their own, as programs are: the kernel shares out CPUs by session (autogroup).
    loops = [subprocess.Popen(loop, start_new_session=True) for _ in range(8)]
    try:
        yield
    finally:
        for busy in loops:
            busy.kill()
        for busy in loops:
            busy.wait()


def outcomes_of(executor: Executor, limit: float, runs: int) -> list[Outcome]:
    source = COMPUTES.format(share=0.9, limit=limit)
    return executor.run(source, [str(number) for number in range(runs)])


@pytest.mark.usefixtures("busy_machine")
@pytest.mark.timeout(300)
def test_a_program_within_its_cpu_limit_is_right_beside_busy_loops(best_level: SandboxLevel) -> None:
    with Executor(Limits(cpu_seconds=0.5), cells=4, level=best_level) as executor:
        outcomes = outcomes_of(executor, 0.5, 16)
    assert {outcome.status for outcome in outcomes} == {Status.OK}, outcomes


@pytest.mark.slow
@pytest.mark.usefixtures("busy_machine")
@pytest.mark.timeout(900)
def test_200_of_200_programs_within_their_cpu_limit_are_right_beside_busy_loops(best_level: SandboxLevel) -> None:
    with Executor(Limits(cpu_seconds=0.5), level=best_level) as executor:
        outcomes = outcomes_of(executor, 0.5, 200)
    assert [outcome.stdout for outcome in outcomes] == [f"right {number}\n" for number in range(200)]


@pytest.mark.parametrize("name", SLEEPS)
def test_a_program_that_does_not_run_ends_in_bounded_wall_time(best_level: SandboxLevel, name: str) -> None:
    with Executor(Limits(cpu_seconds=0.3), cells=1, level=best_level) as executor:
        started = time.monotonic()
        (outcome,) = executor.run(SLEEPS[name], [""])
        assert outcome.status is Status.TIME_LIMIT, outcome
        assert outcome.cpu_seconds < 0.3
        assert time.monotonic() - started < 60


def test_what_the_wall_clock_ended_is_neither_remembered_nor_counted(best_level: SandboxLevel) -> None:
    source = "import time\nif input() == 'sleep': time.sleep(1e6)\nwhile time.process_time() < 0.2: pass\nprint(1)"
    limits = Limits(cpu_seconds=0.4, sticky_after=1, sticky_cpu_seconds=0.05)
    with Executor(limits, cells=1, level=best_level) as executor:
        slept, computed = executor.run(source, ["sleep", "compute"])
        assert (slept.status, slept.repeatable) == (Status.TIME_LIMIT, False)
        assert computed.status is Status.OK, "not under the short limit of a program that has timed out"
        executor.run(source, ["sleep"])
        assert (executor.executions, executor.cache_hits, executor.sticky_skips) == (3, 0, 0)


def test_wall_time_that_a_program_computes_in_is_not_idle(best_level: SandboxLevel) -> None:
    limits = Limits(cpu_seconds=2.0, wall_seconds=2.0)
    source = "import time\nfor _ in range(30):\n  end = time.process_time() + 0.03\n"
    source += "  while time.process_time() < end: pass\n  time.sleep(0.07)\nprint(1)"
    with Executor(limits, cells=1, level=best_level) as executor:
        (outcome,) = executor.run(source, [""])
    assert outcome.status is Status.OK, outcome
    assert outcome.wall_seconds > 2.5
