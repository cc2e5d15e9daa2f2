"""Sandbox beside its alternatives: executions per second as ratios, from one run on one machine.

    python tests/benchmarks/executor.py [--rounds 3] [--long]

    ours        engine.sandbox.Executor at the best level of this machine
    baseline A  as CURE was published: one multiprocessing.Process with a Queue for each execution, 200 at once, the
                source exec()uted with stdin and stdout replaced, each chunk waits for its slowest; no confinement
    baseline B  subprocess.run of `python -I -S file`, two at a time per core; no confinement
    floor       bare fork + exit + wait of a small Python: no forking executor can be faster

Every round runs all of them on new jobs; medians count. Each runs in its own process, so that none forks from a
parent that another has made large. --long adds 100,000 executions, to show that memory stays flat.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from workload import LIGHT, LOOPS, SOUND, inputs  # noqa: E402

from engine.sandbox import Executor, Limits, Outcome, Status, sandbox_level  # noqa: E402

CHUNK = 200
WALL_SECONDS = 1.0
MATRIX_PROGRAMS, MATRIX_TESTS = 16, 24
CORES = len(os.sched_getaffinity(0))

Job = tuple[str, list[str]]
"""A program and its inputs."""


@dataclass(frozen=True)
class Done:
    """Result of one round. `passed`: per job and input, whether the program ended well, and its output."""

    seconds: float
    passed: list[list[str | None]]


# The jobs ---------------------------------------------------------------------------------------------------


def light_jobs(seed: int, per_program: int = 6) -> list[Job]:
    """Return every program of the light mix on some inputs; a comment makes each round new to every cache."""
    rng = random.Random(seed)
    return [(f"# {seed}\n{source}\n", inputs(per_program, rng)) for source in LIGHT]


def jobs_with_loops(seed: int, per_program: int = 24) -> list[Job]:
    """Return the light mix with one execution in twenty that never ends: a looping program loops on all inputs."""
    rng = random.Random(seed + 1000)
    jobs = light_jobs(seed, per_program)
    endless = round(len(jobs) * 0.05 / 0.95)
    looping = [(f"# {seed} {n}\n{LOOPS[n % len(LOOPS)]}\n", inputs(per_program, rng)) for n in range(endless)]
    mixed = jobs + looping
    rng.shuffle(mixed)
    return mixed


def matrix_jobs(task: int) -> list[Job]:
    """Return one task's pass matrix: 16 programs on the same 24 inputs."""
    rng = random.Random(task)
    texts = inputs(MATRIX_TESTS, rng)
    return [(f"# task {task}\n{source}\n", texts) for source in rng.sample(LIGHT, MATRIX_PROGRAMS)]


def count(jobs: Sequence[Job]) -> int:
    return sum(len(texts) for _, texts in jobs)


# Ours -------------------------------------------------------------------------------------------------------


def run_ours(jobs: list[Job], executor: Executor) -> Done:
    started = time.perf_counter()
    futures = [executor.submit(source, texts) for source, texts in jobs]
    outcomes = [future.result() for future in futures]
    return Done(time.perf_counter() - started, [list(map(printed, row)) for row in outcomes])


def printed(outcome: Outcome) -> str | None:
    return outcome.stdout if outcome.status is Status.OK else None


def warm(executor: Executor) -> None:
    """Start the cells, as a run does once."""
    for future in [executor.submit(f"# warm {n}\nprint(1)", list("abcdefgh")) for n in range(16)]:
        future.result()


def measure_ours(jobs: list[Job], ballast_mb: int = 0) -> Done:
    ballast = bytearray(b"x") * (ballast_mb << 20)
    with Executor(Limits(cpu_seconds=WALL_SECONDS)) as executor:
        warm(executor)
        done = run_ours(jobs, executor)
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


def measure_a(jobs: list[Job]) -> Done:
    context = multiprocessing.get_context("fork")
    flat = [(job, at, source, text) for job, (source, texts) in enumerate(jobs) for at, text in enumerate(texts)]
    passed: list[list[str | None]] = [[None] * len(texts) for _, texts in jobs]
    started = time.perf_counter()
    for first in range(0, len(flat), CHUNK):
        running = []
        for job, at, source, text in flat[first : first + CHUNK]:
            queue = context.Queue()
            process = context.Process(target=_execute_unconfined, args=(source, text, queue))
            process.start()
            running.append((job, at, process, queue, time.perf_counter()))
        for job, at, process, queue, began in running:
            process.join(max(0.0, began + WALL_SECONDS - time.perf_counter()))
            if process.is_alive():
                process.kill()
                process.join()
            elif not queue.empty():
                passed[job][at] = queue.get()
            queue.close()
    return Done(time.perf_counter() - started, passed)


def measure_b(jobs: list[Job]) -> Done:
    def run(job: tuple[Path, str]) -> str | None:
        command = [sys.executable, "-I", "-S", str(job[0])]
        try:
            done = subprocess.run(
                command, input=job[1], capture_output=True, text=True, timeout=WALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return None
        return done.stdout if done.returncode == 0 else None

    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2 * CORES) as pool:
        started = time.perf_counter()
        files = [Path(name, f"{at}.py") for at in range(len(jobs))]
        for file, (source, _) in zip(files, jobs, strict=True):
            file.write_text(source)
        rows = [[pool.submit(run, (file, text)) for text in job[1]] for file, job in zip(files, jobs, strict=True)]
        passed = [[each.result() for each in row] for row in rows]
        return Done(time.perf_counter() - started, passed)


def measure_floor(jobs: list[Job]) -> Done:
    """Fork once for each execution of the jobs, in two loops per core."""
    loop = (
        "import os, sys\nfor _ in range(int(sys.argv[1])):\n  pid = os.fork()\n"
        "  if pid == 0: os._exit(0)\n  os.waitpid(pid, 0)"
    )
    share = -(-count(jobs) // (2 * CORES))
    started = time.perf_counter()
    loops = [subprocess.Popen([sys.executable, "-I", "-S", "-c", loop, str(share)]) for _ in range(2 * CORES)]
    for each in loops:
        each.wait()
    return Done(time.perf_counter() - started, [])


KINDS: dict[str, Callable[[list[Job]], Done]] = {
    "ours": measure_ours,
    "ours, parent of 500 MB": lambda jobs: measure_ours(jobs, 500),
    "baseline A": measure_a,
    "baseline B": measure_b,
    "floor": measure_floor,
}


def measure(kind: str, jobs: list[Job]) -> Done:
    """Measure in a separate process."""
    command = [sys.executable, __file__, "--child", kind]
    answer = subprocess.run(command, input=json.dumps(jobs), stdout=subprocess.PIPE, text=True, check=True).stdout
    seconds, passed = json.loads(answer)
    return Done(seconds, passed)


# The tables -------------------------------------------------------------------------------------------------


def light_mix(rounds: int) -> None:
    kinds = list(KINDS)
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        jobs = light_jobs(number)
        for kind in kinds:
            rates[kind].append(count(jobs) / measure(kind, jobs).seconds)
    median = {kind: statistics.median(rates[kind]) for kind in kinds}
    print(f"\nlight mix: {len(LIGHT)} programs, {count(light_jobs(0))} executions a round, {rounds} rounds")
    for kind in kinds:
        per_a, per_b = median[kind] / median["baseline A"], median[kind] / median["baseline B"]
        print(f"  {kind:24}{median[kind]:8.0f} /s {per_a:7.2f} x A {per_b:7.2f} x B")


def endless_loops(rounds: int) -> None:
    seconds: dict[str, list[float]] = {"ours": [], "baseline A": [], "baseline B": []}
    lost = dict.fromkeys(seconds, 0)
    for number in range(rounds):
        jobs = jobs_with_loops(number)
        truth = reference(jobs)
        for kind, measured in seconds.items():
            done = measure(kind, jobs)
            measured.append(done.seconds)
            lost[kind] += sum(
                expected is not None and got != expected
                for row, answers in zip(done.passed, truth, strict=True)
                for got, expected in zip(row, answers, strict=True)
            )
    base = statistics.median(seconds["baseline A"])
    print(f"\n5 % endless loops: {count(jobs_with_loops(0))} executions a round, limit {WALL_SECONDS:g} s")
    for kind, measured in seconds.items():
        middle = statistics.median(measured)
        print(f"  {kind:24}{middle:8.1f} s  {base / middle:7.2f} x A   right answers lost: {lost[kind]}")


def reference(jobs: list[Job]) -> list[list[str | None]]:
    """Run the correct programs one after the other and return their outputs; None for all others."""
    sound = {source: at for at, source in enumerate(SOUND)}
    with Executor(Limits(cpu_seconds=10.0), cells=1) as executor:
        return [
            run_ours([(source, texts)], executor).passed[0]
            if source.partition("\n")[2].removesuffix("\n") in sound
            else [None] * len(texts)
            for source, texts in jobs
        ]


class CellMemory:
    """Sampler of the resident memory of all descendants; a shared page counts once per process."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CellMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            self.peak_mb = max(self.peak_mb, sum(map(_private_mb, _below(os.getpid()))))


def _below(pid: int) -> list[int]:
    try:
        tasks = [task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    children = [int(child) for task in tasks for child in task.split()]
    return children + [deeper for child in children for deeper in _below(child)]


def _private_mb(pid: int) -> float:
    """Return the proportional share of memory where the kernel reports it, else resident memory."""
    for file, field in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            text = Path(f"/proc/{pid}/{file}").read_text()
        except OSError:
            continue
        if field in text:
            return int(text.partition(field)[2].split()[0]) / 1024
    return 0.0


def matrices(tasks: int) -> None:
    with Executor(Limits(cpu_seconds=WALL_SECONDS)) as executor:
        warm(executor)
        one = run_ours(matrix_jobs(-1), executor)
        with CellMemory() as memory:
            many = run_ours([job for task in range(tasks) for job in matrix_jobs(task)], executor)
        done = tasks * MATRIX_PROGRAMS * MATRIX_TESTS
    print(f"\npass matrix of {MATRIX_PROGRAMS} x {MATRIX_TESTS}: {one.seconds:.2f} s")
    print(f"{tasks} of them at once: {many.seconds:.1f} s, {done / many.seconds:.0f} executions/s, ", end="")
    print(f"all cells together at most {memory.peak_mb:.0f} MB")


def long_run(executions: int = 100_000, rounds: int = 10) -> None:
    per_task = MATRIX_PROGRAMS * MATRIX_TESTS
    tasks = -(-executions // rounds // per_task)
    print(f"\n{rounds * tasks * per_task} executions in {rounds} rounds; cells together and this process, MB:")
    with Executor(Limits(cpu_seconds=WALL_SECONDS), cache_mb=16) as executor:
        for number in range(rounds):
            with CellMemory() as memory:
                run_ours([job for task in range(tasks) for job in matrix_jobs(number * 10_000 + task)], executor)
            print(f"  {memory.peak_mb:6.0f} {_private_mb(os.getpid()):6.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--long", action="store_true", help="100,000 executions more: memory over time")
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        done = KINDS[options.child](json.load(sys.stdin))
        print(json.dumps([done.seconds, done.passed]))
        return
    print(f"{CORES} cores, sandbox level {sandbox_level().letter}")
    light_mix(options.rounds)
    endless_loops(options.rounds)
    matrices(options.tasks)
    if options.long:
        long_run()


if __name__ == "__main__":
    main()
