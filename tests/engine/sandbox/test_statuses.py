"""Statuses: every way in which a program can end has one, and no program makes the executor raise."""

from __future__ import annotations

import pytest

from engine.errors import ConfigError, EnvironmentError_
from engine.presets import load_preset
from engine.sandbox import Executor, Limits, SandboxLevel, Status, passes
from engine.sandbox.launch import Confinement
from engine.sandbox.level import sandbox_level
from tests.engine.sandbox.bounds import SHORT_CPU

STATUSES = {
    "ends by itself": ("print(1)", Status.OK),
    "empty program": ("", Status.OK),
    "sys.exit(0)": ("import sys; print(1); sys.exit(0)", Status.OK),
    "exit()": ("exit()", Status.OK),
    "uncaught exception": ("1/0", Status.RUNTIME_ERROR),
    "sys.exit(3)": ("import sys; sys.exit(3)", Status.RUNTIME_ERROR),
    "sys.exit with text": ("import sys; sys.exit('no')", Status.RUNTIME_ERROR),
    "os._exit(2)": ("import os; os._exit(2)", Status.RUNTIME_ERROR),
    "too deep recursion": ("def f(): f()\nf()", Status.RUNTIME_ERROR),
    "missing import": ("import numpy_of_nowhere", Status.RUNTIME_ERROR),
    "raises KeyboardInterrupt": ("raise KeyboardInterrupt", Status.RUNTIME_ERROR),
    "exception in excepthook": ("import sys; sys.excepthook = 3\n1/0", Status.RUNTIME_ERROR),
    "endless loop": ("while True: pass", Status.TIME_LIMIT),
    "sleeps for ever": ("import time; time.sleep(1e6)", Status.TIME_LIMIT),
    "swallows everything": (
        "while True:\n try:\n  while True: pass\n except BaseException: pass",
        Status.TIME_LIMIT,
    ),
    "loop in C": ("10 ** 10 ** 8", Status.TIME_LIMIT),
    "stops itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", Status.TIME_LIMIT),
    "one huge list": ("x = [0] * 10**10", Status.MEMORY_LIMIT),
    "grows a string": ("x = 'x' * 10**6\nwhile True: x += x", Status.MEMORY_LIMIT),
    "prints for ever": ("while True: print('x' * 1000)", Status.OUTPUT_LIMIT),
    "ignores its output limit": (
        "import signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n print('x' * 10**6, flush=True)\nexcept OSError: pass\nsys.stdout = None",
        Status.OUTPUT_LIMIT,
    ),
    "floods stderr": ("import sys\nwhile True: sys.stderr.write('x' * 1000)", Status.OUTPUT_LIMIT),
    "replaces os._exit": ("import os; os._exit = print", Status.OK),
    "replaces gc.collect": ("import gc; gc.collect = gc.get_objects = None", Status.OK),
    "empties sys.modules": ("import sys; sys.modules.clear()", Status.OK),
    "kills itself": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Status.CRASH),
    "segfault": ("import ctypes; ctypes.string_at(0)", Status.CRASH),
    "abort": ("import os; os.abort()", Status.CRASH),
    "syntax error": ("def (", Status.COMPILE_ERROR),
    "NUL byte in the source": ("print(1)\0", Status.COMPILE_ERROR),
    "lone surrogate in the source": ("x = '\udc80'", Status.COMPILE_ERROR),
    "deeply nested source": ("(" * 5000 + ")" * 5000, Status.COMPILE_ERROR),
    "source over its limit": ("x" * (5 << 20), Status.COMPILE_ERROR),
}


@pytest.mark.parametrize("name", STATUSES)
def test_every_ending_has_its_status(executor: Executor, name: str) -> None:
    source, status = STATUSES[name]
    cpu_seconds = SHORT_CPU if status is Status.TIME_LIMIT else None
    (outcome,) = executor.run(source, ["1 2\n"], cpu_seconds)
    assert outcome.status is status, outcome


def test_outcome_tells_exit_code_error_and_costs(executor: Executor) -> None:
    (outcome,) = executor.run("x = bytearray(50 << 20)\nprint('so far')\nraise ValueError('why')", [""])
    assert outcome.stdout == "so far\n"
    assert outcome.exit_code == 1
    assert outcome.stderr_tail.endswith("ValueError: why\n")
    assert "confined" not in outcome.stderr_tail
    assert 50 < outcome.peak_mb < 100
    assert 0 < outcome.cpu_seconds < outcome.wall_seconds + 0.1


def test_a_signal_is_a_negative_exit_code(executor: Executor) -> None:
    (outcome,) = executor.run("import os; os.abort()", [""])
    assert outcome.exit_code == -6


def test_output_within_the_limit_is_whole(executor: Executor) -> None:
    (outcome,) = executor.run("print('x' * (64 * 1024 - 1))", [""])
    assert outcome.status is Status.OK
    assert len(outcome.stdout) == 64 * 1024


def test_compile_bombs_end_as_compile_errors_and_the_next_program_runs(executor: Executor) -> None:
    for bomb in (
        "-" * 10**6 + "1",
        "x = " + "[" * 100 + "]" * 100 + "\n" + "a=(1,)*10**7\n" * 20,
        "f'" + "{" * 900,
    ):
        (outcome,) = executor.run(bomb, [""])
        assert outcome.status is not Status.INFRASTRUCTURE
    assert executor.run("print(2)", [""])[0].stdout == "2\n"


def test_only_a_clean_exit_with_the_right_output_passes(executor: Executor) -> None:
    good, bad = executor.run("print(input())\nif input() == 'bad': raise ValueError", ["7\ngood", "7\nbad"])
    assert passes(good, " 7 ")
    assert not passes(good, "8")
    assert not passes(bad, "7")


def test_no_inputs_is_no_outcomes(executor: Executor) -> None:
    assert executor.run("print(1)", []) == []


def test_without_confinement_an_executor_refuses() -> None:
    nothing = SandboxLevel("D", Confinement(False, False, False), ("bwrap is not installed",), "install it")
    with pytest.raises(EnvironmentError_, match="bwrap is not installed"):
        Executor(level=nothing)


def test_without_confinement_it_runs_where_the_user_insists() -> None:
    nothing = SandboxLevel("D", Confinement(False, False, False))
    with Executor(level=nothing, cells=1, allow_unsandboxed=True) as unconfined:
        assert unconfined.run("print(input())", ["x"])[0].stdout == "x\n"


def test_a_lower_level_says_why_it_is_not_better() -> None:
    assert sandbox_level("").letter == "D"
    assert sandbox_level("A").letter in "AD"


def test_limits_of_a_run_are_those_of_its_settings_and_the_defaults_otherwise() -> None:
    settings = load_preset("nano", ["sandbox.cpu_seconds=2", "sandbox.sticky_after=4"]).sandbox
    assert Limits.of(settings) == Limits(cpu_seconds=2.0, memory_mb=256, output_kb=64, sticky_after=4)


def test_limits_that_cannot_work_are_refused() -> None:
    for wrong in ({"cpu_seconds": 0}, {"memory_mb": 10}, {"wall_seconds": 0.5}, {"open_files": 3}):
        with pytest.raises(ConfigError):
            Limits(**wrong)  # type: ignore[arg-type]
