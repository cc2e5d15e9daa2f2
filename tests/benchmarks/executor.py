"""Sandbox beside its alternatives, as ratios from one run on one machine. Wall time depends on the machine's load;
CPU seconds hardly do.

    python tests/benchmarks/executor.py [--short] [--long] [--busy 4]

The alternatives are described in rivals.py. Every round runs all of them on new jobs; medians count. --short: one
round, fewer tasks. --long adds 100,000 executions, to show that memory stays flat. --busy N: beside N busy loops.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from rivals import CORES, LIMIT_SECONDS, Done, Job, count, descendants, measure, run_ours, warm  # noqa: E402
from workload import LIGHT, LOOPS, READ, SOUND, inputs  # noqa: E402

from engine.sandbox import Executor, Limits, sandbox_level  # noqa: E402

MATRIX_PROGRAMS, MATRIX_TESTS = 16, 24
SPREAD_PROGRAMS = 20
RIVALS = ("ours", "baseline A", "baseline B")

Row = list[str | None]


# The jobs ---------------------------------------------------------------------------------------------------


def light_jobs(seed: int, per_program: int = 24) -> list[Job]:
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


def jobs_with_spread_loops(seed: int) -> tuple[list[Job], list[Job]]:
    """Return 20 right programs that each loop on one of their 20 inputs, and the same without those executions."""
    rng = random.Random(seed + 2000)
    texts = inputs(SPREAD_PROGRAMS, rng)
    sources = rng.sample([source for source in SOUND if f"\n{READ}" in f"\n{source}"], SPREAD_PROGRAMS)
    looping: list[Job] = []
    for source, text in zip(sources, texts, strict=True):
        numbers = list(map(int, text.split("\n")[1].split()))
        trap = f"{READ}\nif xs == {numbers}:\n    while True: pass"
        looping.append((f"# {seed} spread\n{source.replace(READ, trap, 1)}\n", texts))
    rest = [
        (f"# {seed} rest\n{source}\n", [other for other in texts if other != text])
        for source, text in zip(sources, texts, strict=True)
    ]
    return looping, rest


def jobs_of_training(seed: int) -> list[Job]:
    """Return two tasks of 16 right programs on 24 inputs: four are slow on three inputs, the others loop on one."""
    rng = random.Random(seed + 3000)
    jobs: list[Job] = []
    for task in range(2):
        texts = inputs(MATRIX_TESTS, rng)
        sources = rng.sample([source for source in SOUND if f"\n{READ}" in f"\n{source}"], MATRIX_PROGRAMS)
        for at, source in enumerate(sources):
            chosen = [list(map(int, text.split("\n")[1].split())) for text in rng.sample(texts, 3)]
            body = "while True: pass" if at >= 4 else "import time\n    while time.process_time() < SECONDS: pass"
            body = body.replace("SECONDS", ("0.06", "0.15", "0.3", "0.6")[at % 4])
            trap = f"{READ}\nif xs in {chosen if at < 4 else chosen[:1]}:\n    {body}"
            jobs.append((f"# {seed} {task}\n{source.replace(READ, trap, 1)}\n", texts))
    return jobs


def matrix_jobs(task: int) -> list[Job]:
    """Return one task's pass matrix: 16 programs on the same 24 inputs."""
    rng = random.Random(task)
    texts = inputs(MATRIX_TESTS, rng)
    return [(f"# task {task}\n{source}\n", texts) for source in rng.sample(LIGHT, MATRIX_PROGRAMS)]


# The tables -------------------------------------------------------------------------------------------------


def light_mix(rounds: int) -> None:
    kinds = ("ours", "ours, parent of 500 MB", "baseline A", "baseline B", "floor")
    done: dict[str, list[Done]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind in kinds:
            done[kind].append(measure(kind, light_jobs(number)))
    executions = count(light_jobs(0))
    print(f"\nlight mix: {len(LIGHT)} programs, {executions} executions a round, {rounds} rounds")
    print(f"  {'':24}{'wall ms':>9}{'CPU ms':>9}   each execution; ours / the other, by CPU")
    _, ours = medians(done["ours"])
    for kind in kinds:
        wall, cpu = medians(done[kind])
        print(f"  {kind:24}{1000 * wall / executions:9.2f}{1000 * cpu / executions:9.2f}   1/{cpu / ours:.2f}")
    print("  asked: 1/3.0 of baseline A, 1/5 of baseline B")


def gathered_loops(rounds: int) -> None:
    done: dict[str, list[Done]] = {kind: [] for kind in RIVALS}
    lost = dict.fromkeys(RIVALS, 0)
    for number in range(rounds):
        jobs = jobs_with_loops(number)
        truth = reference(jobs)
        for kind in RIVALS:
            done[kind].append(measure(kind, jobs))
            lost[kind] += right_answers_lost(done[kind][-1], truth)
    print(f"\n5 % endless loops in few programs: {count(jobs_with_loops(0))} executions, limit {LIMIT_SECONDS:g} s")
    base, _ = medians(done["baseline A"])
    for kind in RIVALS:
        wall, cpu = medians(done[kind])
        print(f"  {kind:24}{wall:8.1f} s wall {cpu:8.1f} s CPU {wall / base:7.2f} of A's wall, lost: {lost[kind]}")
    print("  asked: at most 0.5 of A's wall time, no right answer lost")


def spread_loops() -> None:
    jobs, rest = jobs_with_spread_loops(0)
    truth: list[Row] = [[*row[:at], None, *row[at:]] for at, row in enumerate(reference(rest))]
    alone = measure("ours", rest)
    bound = SPREAD_PROGRAMS * LIMIT_SECONDS / CORES + alone.wall
    cpu_bound = SPREAD_PROGRAMS * LIMIT_SECONDS + alone.cpu
    print(f"\n5 % endless loops, each in a program of its own: {count(jobs)} executions, limit {LIMIT_SECONDS:g} s")
    print(f"  bound: {SPREAD_PROGRAMS} loops x limit / {CORES} cores + the rest ({alone.wall:.1f} s) = {bound:.1f} s")
    for kind in (*RIVALS, "relative"):
        idle = idle_seconds()
        each = measure(kind, jobs)
        idle = idle_seconds() - idle
        print(f"  {kind:24}{each.wall:8.1f} s wall {each.cpu:8.1f} s CPU {each.wall / bound:7.2f} of the bound", end="")
        print(f"  ({each.cpu / cpu_bound:.2f} by CPU), lost: {right_answers_lost(each, truth)}; ", end="")
        others = CORES * each.wall - idle - each.cpu
        print(f"other processes had {others:.1f} s of CPU, {idle:.1f} s were idle")
    print("  asked: ours at most 1.15 of the bound, no right answer lost")


def time_rules() -> None:
    jobs = jobs_of_training(0)
    done = {rule: measure(kind, jobs) for rule, kind in (("exact", "ours"), ("relative", "relative"))}
    changed = {True: 0, False: 0}
    for (source, _), row, other in zip(jobs, done["exact"].passed, done["relative"].passed, strict=True):
        changed["process_time" in source] += sum(a != b for a, b in zip(row, other, strict=True))
    print(f"\ntime rules: {count(jobs)} executions of two tasks; 24 loop, 24 are right in 0.06 to 0.6 s of CPU")
    for rule, each in done.items():
        print(f"  {rule:24}{each.wall:8.1f} s wall {each.cpu:8.1f} s CPU")
    print(f"  verdicts that differ: {changed[True]} of slow programs, {changed[False]} of others")


def idle_seconds() -> float:
    """Return the seconds for which the cores of this machine have been idle, together."""
    fields = Path("/proc/stat").read_text().partition("\n")[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def medians(done: Sequence[Done]) -> tuple[float, float]:
    """Return the medians of wall and CPU seconds."""
    return statistics.median(each.wall for each in done), statistics.median(each.cpu for each in done)


def reference(jobs: Sequence[Job]) -> list[Row]:
    """Run the correct programs one after the other and return their outputs; None for all others."""
    with Executor(Limits(cpu_seconds=10.0), cells=1) as executor:
        return [
            run_ours([(source, texts)], executor).passed[0]
            if source.partition("\n")[2].removesuffix("\n") in SOUND
            else [None] * len(texts)
            for source, texts in jobs
        ]


def right_answers_lost(done: Done, truth: Sequence[Row]) -> int:
    return sum(
        right is not None and got != right
        for row, rights in zip(done.passed, truth, strict=True)
        for got, right in zip(row, rights, strict=True)
    )


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
            self.peak_mb = max(self.peak_mb, sum(map(_private_mb, descendants(os.getpid()))))


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
    with Executor(Limits(cpu_seconds=LIMIT_SECONDS)) as executor:
        warm(executor)
        one = run_ours(matrix_jobs(-1), executor)
        with CellMemory() as memory:
            many = run_ours([job for task in range(tasks) for job in matrix_jobs(task)], executor)
        done = tasks * MATRIX_PROGRAMS * MATRIX_TESTS
    print(f"\npass matrix of {MATRIX_PROGRAMS} x {MATRIX_TESTS}: {one.wall:.2f} s")
    print(f"{tasks} of them at once: {many.wall:.1f} s, {done / many.wall:.0f} executions/s, ", end="")
    print(f"all cells together at most {memory.peak_mb:.0f} MB")


def long_run(executions: int = 100_000, rounds: int = 10) -> None:
    per_task = MATRIX_PROGRAMS * MATRIX_TESTS
    tasks = -(-executions // rounds // per_task)
    print(f"\n{rounds * tasks * per_task} executions in {rounds} rounds; cells together and this process, MB:")
    with Executor(Limits(cpu_seconds=LIMIT_SECONDS), cache_mb=16) as executor:
        for number in range(rounds):
            with CellMemory() as memory:
                run_ours([job for task in range(tasks) for job in matrix_jobs(number * 10_000 + task)], executor)
            print(f"  {memory.peak_mb:6.0f} {_private_mb(os.getpid()):6.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--short", action="store_true", help="one round, ten tasks")
    parser.add_argument("--long", action="store_true", help="100,000 executions more: memory over time")
    parser.add_argument("--busy", type=int, default=0, help="busy loops beside the measurement")
    options = parser.parse_args()
    rounds, tasks = (1, 10) if options.short else (options.rounds, options.tasks)
    with ExitStack() as ending:
        for _ in range(options.busy):
            ending.callback(subprocess.Popen([sys.executable, "-I", "-S", "-c", "while True: pass"]).kill)
        load = os.getloadavg()[0]
        print(f"{CORES} cores, sandbox level {sandbox_level().letter}, {options.busy} busy loops, load {load:.1f}")
        light_mix(rounds)
        gathered_loops(rounds)
        spread_loops()
        time_rules()
        matrices(tasks)
        if options.long:
            long_run()
        print(f"\nload at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
