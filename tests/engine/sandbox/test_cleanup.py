"""End of the executor's process, in every way: no process and no file stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from engine.sandbox import Executor, Limits, SandboxLevel, sandbox_level

ROOT = Path(__file__).resolve().parents[3]
PARENT = """
import signal
from engine.sandbox import Executor, Limits, sandbox_level
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
with Executor(Limits(cpu_seconds=30.0), cells=2, level=sandbox_level({letter!r})) as executor:
    executor.run("print(1)", ["1", "2", "3", "4", "5", "6", "7", "8"])
    busy = [executor.submit("# %d\\nwhile True: pass" % n, [""]) for n in range(2)]
    print("busy", flush=True)
    {then}
"""


def descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found |= {child} | descendants(child)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: object, seconds: float = 60.0) -> bool:
    """Poll until `condition` holds: the kernel reports the end of children only to their own parent."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("letter", ["A", "B"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_and_no_file_outlives_a_killed_parent(letter: str, how: signal.Signals) -> None:
    if sandbox_level(letter).letter != letter:
        pytest.skip(f"level {letter} does not hold here")
    files = set(os.listdir(tempfile.gettempdir()))
    script = PARENT.format(letter=letter, then="busy[0].result()")
    parent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "busy\n"
    # bwrap (2 processes at A), zygote, host, program: of both cells
    assert wait_until(lambda: len(descendants(parent.pid)) >= 6)
    below = descendants(parent.pid)
    parent.send_signal(how)
    try:
        assert parent.wait(timeout=60) != 0
    finally:
        parent.kill()
        parent.stdout.close()
    assert wait_until(lambda: not any(map(alive, below))), [pid for pid in below if alive(pid)]
    assert {name for name in set(os.listdir(tempfile.gettempdir())) - files if "cure" in name} == set()


def test_a_parent_that_forgets_to_close_leaves_nothing(best_level: SandboxLevel) -> None:
    script = (
        "from engine.sandbox import Executor, sandbox_level\n"
        "executor = Executor(cells=1)\nexecutor.run('print(1)', [''])\n"
        "import os, pathlib\nfor f in pathlib.Path(f'/proc/{os.getpid()}/task').glob('*/children'):\n"
        "  print(f.read_text())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert wait_until(lambda: not any(alive(int(pid)) for pid in done.stdout.split()))


def test_closing_is_prompt_idempotent_and_cancels_what_is_under_way(best_level: SandboxLevel) -> None:
    before = descendants(os.getpid())  # other tests' helpers that live as long as this process

    def its_processes() -> set[int]:
        return descendants(os.getpid()) - before

    executor = Executor(Limits(cpu_seconds=30.0), cells=2, level=best_level)
    futures = [executor.submit(f"# {number}\nwhile True: pass", [""]) for number in range(4)]
    assert wait_until(lambda: len(its_processes()) >= 4)
    started = time.monotonic()
    executor.close()
    executor.close()
    assert time.monotonic() - started < 20  # their limit is 30 s
    assert all(future.cancelled() for future in futures)
    assert wait_until(lambda: not any(map(alive, its_processes())))
    with pytest.raises(RuntimeError, match="closed"):
        executor.submit("print(1)", [""])


def test_descriptors_do_not_leak(best_level: SandboxLevel) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with Executor(cells=2, level=best_level) as executor:
            executor.run("print(input())", [str(number) for number in range(20)])
    assert len(os.listdir("/proc/self/fd")) == before
