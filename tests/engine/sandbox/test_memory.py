"""Memory is judged by the resident peak: reserved memory is not used memory, and `peak_mb` is true."""

from __future__ import annotations

import signal

import pytest

from engine.sandbox import Executor, Limits, SandboxLevel, Status
from engine.sandbox.confined import wire
from engine.sandbox.outcome import judge_record
from tests.engine.sandbox.test_hostile import check_still_sound

RESERVED = {
    "a thread's stack as large as the limit": (
        "import threading\nthreading.stack_size(512 << 20)\nt = threading.Thread(target=print, args=('t',))\nt.start()"
    ),
    "two stacks of 512 MB": (
        "import threading\nthreading.stack_size(512 << 20)\nfor _ in range(2):\n"
        "  threading.Thread(target=print, args=('t',)).start()"
    ),
    "a map that is hardly touched": "import mmap\nm = mmap.mmap(-1, 1 << 30)\nm[0] = 1\nprint('t')",
    "unlimited stack": (
        "import resource, sys\nresource.setrlimit(resource.RLIMIT_STACK, (-1, -1))\nsys.setrecursionlimit(10**6)\n"
        "def f(n): return n and 1 + f(n - 1)\nprint(f(100000))"
    ),
}
# megabytes that the program measures itself at its peak, printed as the last line
MEASURED = {
    "a small program": "x = 1",
    "bytes": "x = bytearray(100 << 20)",
    "bytes freed again": "x = bytearray(200 << 20)\ndel x",
    "a list of integers": "x = list(range(2_000_000))",
    "in a thread": "import threading\nt = threading.Thread(target=lambda: bytearray(80 << 20))\nt.start(); t.join()",
    "a map": "import mmap\nm = mmap.mmap(-1, 60 << 20)\nfor n in range(0, len(m), 4096): m[n] = 1",
    "deep recursion": "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return n and 1 + f(n - 1)\nf(200000)",
}
MEASURE = "\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_memory_does_not_count(best_level: SandboxLevel, name: str) -> None:
    with Executor(Limits(cpu_seconds=5.0, memory_mb=512), cells=1, level=best_level) as executor:
        (outcome,) = executor.run(RESERVED[name], [""])
    assert outcome.status is Status.OK, outcome


@pytest.mark.parametrize("name", MEASURED)
def test_the_peak_is_true_within_a_tenth_or_two_megabytes(executor: Executor, name: str) -> None:
    (outcome,) = executor.run(MEASURED[name] + MEASURE, [""])
    truth = float(outcome.stdout)
    assert abs(outcome.peak_mb - truth) <= max(2.0, truth / 10), outcome


@pytest.mark.parametrize("ending", ["while True: pass", "import os; os.abort()", "1/0"])
def test_the_peak_is_true_however_the_program_ends(executor: Executor, ending: str) -> None:
    (outcome,) = executor.run(f"x = bytearray(100 << 20)\n{ending}", [""], cpu_seconds=0.5)
    assert 100 <= outcome.peak_mb <= 115, outcome


def test_use_above_the_limit_is_a_memory_limit_even_of_a_program_that_ends_well(executor: Executor) -> None:
    within, above = executor.run("x = bytearray(int(input()) << 20)\nprint(len(x))", ["220", "280"])
    assert within.status is Status.OK
    assert above.status is Status.MEMORY_LIMIT


def test_a_program_that_fills_memory_is_ended_soon_after_its_limit(executor: Executor) -> None:
    source = "import time\nx = []\nwhile True:\n  x.append(bytearray(5 << 20))\n  time.sleep(0.01)"
    (outcome,) = executor.run(source, [""])
    assert outcome.status is Status.MEMORY_LIMIT, outcome
    assert outcome.peak_mb < 400, "256 MB and what it takes between two looks"
    check_still_sound(executor)
    assert executor.cells_lost == 0


@pytest.mark.parametrize(
    ("peak", "killed_by", "status"),
    [
        (0.999, wire.KILLED_NOT, Status.MEMORY_LIMIT),
        (0.5, wire.KILLED_NOT, Status.CRASH),
        (0.999, wire.KILLED_CPU, Status.TIME_LIMIT),
    ],
)
def test_a_program_that_the_guard_killed_is_over_memory_though_the_kernels_peak_lags(
    peak: float, killed_by: int, status: Status
) -> None:
    limits = Limits(memory_mb=256)
    record = wire.Record(0, signal.SIGKILL, killed_by, limits.cpu_seconds, 0.2, 0.3, int(peak * (256 << 10)), b"", b"")
    assert judge_record(record, limits).status is status
