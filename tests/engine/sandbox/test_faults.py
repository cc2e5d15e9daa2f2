"""Faults of the machine on the trusted side: no future stays open, and no machine makes a right program wrong."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from engine.errors import EnvironmentError_
from engine.sandbox import Executor, Limits, SandboxLevel, Status, sandbox_level

ROOT = Path(__file__).resolve().parents[3]
OF_A_CELL = ("/sandbox/cell.py", "/sandbox/launch.py", "/sandbox/memory_guard.py")


class Injector:
    """Profile function that raises `fault` in place of one call of a cell, the one after `calls_before` others."""

    def __init__(self, calls_before: int, fault: type[BaseException]) -> None:
        self.left = calls_before
        self.fault = fault
        self.raised = False

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        if event != "c_call" or self.raised or not frame.f_code.co_filename.endswith(OF_A_CELL):
            return
        self.left -= 1
        if self.left < 0:
            self.raised = True
            raise self.fault("injected")


@contextmanager
def profiled(injector: Injector) -> Iterator[None]:
    threading.setprofile(injector)
    try:
        yield
    finally:
        threading.setprofile(None)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", [OSError, MemoryError])
def test_a_fault_at_any_call_of_a_cell_leaves_no_future_open(fault: type[BaseException]) -> None:
    level = sandbox_level("BC")  # a cell without bubblewrap starts faster, by the same calls
    if not level.confined:
        pytest.skip(f"no confinement here: {level.reasons}")
    calls = 0
    while True:
        injector = Injector(calls, fault)
        with profiled(injector):
            executor = Executor(Limits(cpu_seconds=5.0), cells=1, level=level)
        with executor:
            futures = [executor.submit(f"# {number}\nprint(int(input()) + 1)", ["1", "2"]) for number in range(2)]
            outcomes = [outcome for future in futures for outcome in future.result(timeout=120)]
        assert {outcome.status for outcome in outcomes} <= {Status.OK, Status.INFRASTRUCTURE}, calls
        assert all(outcome.stdout for outcome in outcomes if outcome.status is Status.OK)
        assert outcomes[-1].status is Status.OK, "the second program comes after the fault"
        if not injector.raised:
            break
        calls += 1
    assert calls > 40


def test_an_error_outside_a_cell_ends_the_batch_and_not_the_executor(
    best_level: SandboxLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Executor(cells=1, level=best_level) as executor:
        with monkeypatch.context() as patch:
            patch.setattr(executor, "_take", lambda *_: 1 / 0)
            (outcome,) = executor.run("print(1)", [""])
            assert (outcome.status, outcome.stderr_tail) == (
                Status.INFRASTRUCTURE,
                "ZeroDivisionError: division by zero",
            )
        assert executor.run("print(1)", [""])[0].stdout == "1\n"


def test_without_free_descriptors_programs_are_infrastructure_and_later_ones_run(best_level: SandboxLevel) -> None:
    with Executor(cells=1, level=best_level) as executor:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            assert executor.run("print(1)", ["a"])[0].status is Status.INFRASTRUCTURE
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert executor.run("print(1)", ["a"])[0].stdout == "1\n"


def test_a_forked_child_that_uses_its_parents_executor_gets_an_error(best_level: SandboxLevel) -> None:
    with Executor(cells=1, level=best_level) as executor:
        executor.run("print(1)", [""])
        child = os.fork()
        if child == 0:
            try:
                with executor:
                    executor.run("print(2)", [""])
            except RuntimeError as error:
                os._exit(7 if "parent process" in str(error) else 8)
            os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert executor.run("print(3)", [""])[0].stdout == "3\n"
        assert executor.cells_lost == 0


def test_without_a_writable_temporary_folder_the_self_check_says_so_in_one_line(
    best_level: SandboxLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", none)
    with pytest.raises(EnvironmentError_) as raised:
        sandbox_level()
    assert "No usable temporary directory" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "TMPDIR" in raised.value.remedy


PARENT_WITH_ODD_SIGNALS = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGTERM, signal.SIGUSR1})
from engine.sandbox import Executor, Limits, sandbox_level
level = sandbox_level(LETTER)
source = "import signal\\nprint(signal.pthread_sigmask(signal.SIG_BLOCK, ()), signal.getsignal(signal.SIGCHLD).name, "
source += "signal.getsignal(signal.SIGTERM).name)"
with Executor(Limits(cpu_seconds=5.0), cells=1, level=level) as executor:
    print(level.letter, executor.run(source, [""])[0].stdout)
"""


@pytest.mark.parametrize("letter", ["A", "B"])
def test_signals_that_the_parent_ignores_or_blocks_are_reset_in_programs(letter: str) -> None:
    if sandbox_level(letter).letter != letter:
        pytest.skip(f"level {letter} does not hold here")
    script = PARENT_WITH_ODD_SIGNALS.replace("LETTER", repr(letter))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.stdout.split() == [letter, "set()", "SIG_DFL", "SIG_DFL"], done
    assert signal.getsignal(signal.SIGTERM) != signal.SIG_IGN
