"""Executors side by side for executor.py, each measured in a process of its own, in wall and in CPU seconds.

    ours        engine.sandbox.Executor at the best level of this machine
    relative    the same, with all programs under the relative time rule (`sandbox.time_rule`)
    baseline A  as CURE was published: one multiprocessing.Process with a Queue for each execution, 200 at once, the
                source exec()uted with stdin and stdout replaced, each chunk waits for its slowest; no confinement
    baseline B  subprocess.run of `python -I -S file`, two at a time per core; no confinement
    floor       bare fork + exit + wait of a small Python: no forking executor can be faster

`measure` starts this file as a program; none forks from a parent that another has made large.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine.sandbox import Executor, Limits, Outcome, Peers, Status

CHUNK = 200
LIMIT_SECONDS = 1.0
CORES = len(os.sched_getaffinity(0))
_TICKS = os.sysconf("SC_CLK_TCK")

Job = tuple[str, list[str]]
"""A program and its inputs."""


@dataclass(frozen=True)
class Done:
    """Result of one round. `passed`: per job and input the output, None unless the program ended well."""

    wall: float
    cpu: float
    passed: list[list[str | None]]


class Clock:
    """Wall seconds, and CPU seconds of this process and of all its descendants, since the clock was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), _cpu_of_tree()

    def stop(self, passed: list[list[str | None]]) -> Done:
        return Done(time.perf_counter() - self._wall, _cpu_of_tree() - self._cpu, passed)


def _cpu_of_tree() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages) + sum(map(_cpu_of, descendants(os.getpid())))


def _cpu_of(pid: int) -> float:
    """Return the CPU seconds of a living process and of those of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def descendants(pid: int) -> list[int]:
    try:
        tasks = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    children = [int(child) for task in tasks for child in task.split()]
    return children + [deeper for child in children for deeper in descendants(child)]


def count(jobs: Sequence[Job]) -> int:
    return sum(len(texts) for _, texts in jobs)


# Ours -------------------------------------------------------------------------------------------------------


def run_ours(jobs: Sequence[Job], executor: Executor, peers: Peers | None = None) -> Done:
    clock = Clock()
    futures = [executor.submit(source, texts, peers=peers) for source, texts in jobs]
    return clock.stop([list(map(printed, future.result())) for future in futures])


def printed(outcome: Outcome) -> str | None:
    return outcome.stdout if outcome.status is Status.OK else None


def warm(executor: Executor) -> None:
    """Start the cells, as a run does once."""
    for future in [executor.submit(f"# warm {n}\nprint(1)", list("abcdefgh")) for n in range(16)]:
        future.result()


def measure_ours(jobs: Sequence[Job], ballast_mb: int = 0, peers: Peers | None = None) -> Done:
    ballast = bytearray(b"x") * (ballast_mb << 20)
    with Executor(Limits(cpu_seconds=LIMIT_SECONDS)) as executor:
        warm(executor)
        done = run_ours(jobs, executor, peers)
    assert len(ballast) == ballast_mb << 20
    return done


# The baselines ----------------------------------------------------------------------------------------------


def _execute_unconfined(source: str, text: str, queue: Any) -> None:
    sys.stdin = io.StringIO(text)
    output = io.StringIO()
    try:
        with redirect_stdout(output):
            exec(source, {"__name__": "__main__"})
    except BaseException:  # noqa: BLE001  (a program may raise anything)
        queue.put(None)
    else:
        queue.put(output.getvalue())


def measure_a(jobs: Sequence[Job]) -> Done:
    context = multiprocessing.get_context("fork")
    flat = [(job, at, source, text) for job, (source, texts) in enumerate(jobs) for at, text in enumerate(texts)]
    passed: list[list[str | None]] = [[None] * len(texts) for _, texts in jobs]
    clock = Clock()
    for first in range(0, len(flat), CHUNK):
        running = []
        for job, at, source, text in flat[first : first + CHUNK]:
            queue = context.Queue()
            process = context.Process(target=_execute_unconfined, args=(source, text, queue))
            process.start()
            running.append((job, at, process, queue, time.perf_counter()))
        for job, at, process, queue, began in running:
            process.join(max(0.0, began + LIMIT_SECONDS - time.perf_counter()))
            if process.is_alive():
                process.kill()
                process.join()
            elif not queue.empty():
                passed[job][at] = queue.get()
            queue.close()
    return clock.stop(passed)


def measure_b(jobs: Sequence[Job]) -> Done:
    def run(job: tuple[Path, str]) -> str | None:
        command = [sys.executable, "-I", "-S", str(job[0])]
        try:
            done = subprocess.run(
                command, input=job[1], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return None
        return done.stdout if done.returncode == 0 else None

    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2 * CORES) as pool:
        clock = Clock()
        files = [Path(name, f"{at}.py") for at in range(len(jobs))]
        for file, (source, _) in zip(files, jobs, strict=True):
            file.write_text(source)
        rows = [[pool.submit(run, (file, text)) for text in job[1]] for file, job in zip(files, jobs, strict=True)]
        return clock.stop([[each.result() for each in row] for row in rows])


def measure_floor(jobs: Sequence[Job]) -> Done:
    """Fork once for each execution of the jobs, in two loops per core."""
    loop = (
        "import os, sys\nfor _ in range(int(sys.argv[1])):\n  pid = os.fork()\n"
        "  if pid == 0: os._exit(0)\n  os.waitpid(pid, 0)"
    )
    share = -(-count(jobs) // (2 * CORES))
    clock = Clock()
    loops = [subprocess.Popen([sys.executable, "-I", "-S", "-c", loop, str(share)]) for _ in range(2 * CORES)]
    for each in loops:
        each.wait()
    return clock.stop([])


KINDS: dict[str, Callable[[Sequence[Job]], Done]] = {
    "ours": measure_ours,
    "relative": lambda jobs: measure_ours(jobs, peers=Peers()),
    "ours, parent of 500 MB": lambda jobs: measure_ours(jobs, 500),
    "baseline A": measure_a,
    "baseline B": measure_b,
    "floor": measure_floor,
}


def measure(kind: str, jobs: Sequence[Job]) -> Done:
    """Measure in a separate process."""
    command = [sys.executable, __file__, kind]
    answer = subprocess.run(command, input=json.dumps(jobs), stdout=subprocess.PIPE, text=True, check=True).stdout
    return Done(*json.loads(answer))


if __name__ == "__main__":
    measured = KINDS[sys.argv[1]](json.load(sys.stdin))
    print(json.dumps([measured.wall, measured.cpu, measured.passed]))
