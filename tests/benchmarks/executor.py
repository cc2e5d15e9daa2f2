"""Executions per second of the sandbox beside what else one could do, as ratios of one run on one machine.

    python tests/benchmarks/executor.py [--programs 40] [--inputs 12] [--cells N]

The floor is a bare fork + exit + wait of a small Python (below it no executor that forks can go), the other
end a fresh interpreter for each execution. Rounds alternate, so that a noisy neighbour hits all of them
alike; the median counts. CPU times of the executor hold the start of its cells.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine.sandbox import Executor, Limits, SandboxLevel, Status, sandbox_level
from engine.sandbox.executor import default_cells

# Small programs as models write them: reading, arithmetic, strings, dictionaries, sorting, one that is wrong.
PROGRAMS = (
    "a, b = map(int, input().split())\nprint(a + b)",
    "n = int(input().split()[0])\nprint(sum(i * i for i in range(n % 500)))",
    "import sys\nprint(sorted(sys.stdin.read().split(), reverse=True))",
    "from collections import Counter\nprint(Counter(input()).most_common(1)[0][0])",
    "import math\na, b = map(int, input().split())\nprint(math.gcd(a, b))",
    "import heapq\nh = list(map(int, input().split()))\nheapq.heapify(h)\nprint(heapq.heappop(h))",
    "s = input()\nprint(s[::-1].upper())",
    "a, b = map(int, input().split())\nprint(a // (b - b))",
)
FORK_LOOP = """
import os, sys, time
count, started = int(sys.argv[1]), time.perf_counter()
for _ in range(count):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
print(time.perf_counter() - started)
"""


def batch(number: int, programs: int, inputs: int) -> list[tuple[str, list[str]]]:
    """Jobs of round `number`, distinct from those of every other round: nothing comes from the cache."""
    return [
        (f"# {number}.{at}\n{PROGRAMS[at % len(PROGRAMS)]}", [f"{at + 1} {n + 1}\n" for n in range(inputs)])
        for at in range(programs)
    ]


def cpu_seconds_of_children() -> float:
    """CPU time of all that has ended below this process: says more than a clock on a busy machine."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def seconds_of_executor(level: SandboxLevel, cells: int, jobs: list[tuple[str, list[str]]]) -> float:
    """Wall time with cells that are warm, as they are for all steps of a run but the first."""
    with Executor(Limits(), cells=cells, level=level) as executor:
        warm_up = [executor.submit(f"# {n}\nprint(1)", list("abcd")) for n in range(2 * cells)]
        for future in warm_up:
            future.result()
        started = time.perf_counter()
        futures = [executor.submit(source, inputs) for source, inputs in jobs]
        outcomes = [outcome for future in futures for outcome in future.result()]
        seconds = time.perf_counter() - started
    assert {outcome.status for outcome in outcomes} <= {Status.OK, Status.RUNTIME_ERROR}
    return seconds


def seconds_of_subprocesses(jobs: list[tuple[str, list[str]]], folder: Path, workers: int) -> float:
    def run(job: tuple[Path, str]) -> str:
        command = [sys.executable, "-I", "-S", str(job[0])]
        done = subprocess.run(command, input=job[1], capture_output=True, text=True, timeout=10, check=False)
        return done.stdout

    started = time.perf_counter()
    tasks = []
    for at, (source, inputs) in enumerate(jobs):
        file = folder / f"{at}.py"
        file.write_text(source)
        tasks += [(file, text) for text in inputs]
    with ThreadPoolExecutor(workers) as pool:
        assert len(list(pool.map(run, tasks))) == len(tasks)
    return time.perf_counter() - started


def seconds_of_forks(count: int, workers: int) -> float:
    """`count` forks shared by as many small interpreters as there are cells."""
    share = -(-count // workers)
    command = [sys.executable, "-I", "-S", "-c", FORK_LOOP, str(share)]
    loops = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(workers)]
    return max(float(loop.communicate()[0]) for loop in loops)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--programs", type=int, default=40)
    parser.add_argument("--inputs", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cells", type=int, default=default_cells())
    options = parser.parse_args()
    count = options.programs * options.inputs
    # The processes of A end out of our sight (bubblewrap does not wait): their CPU time is as that of B.
    levels = {level.letter: level for level in (sandbox_level(), sandbox_level("BCD"))}.values()
    rates: dict[str, list[float]] = {}
    cpu_ms: dict[str, list[float]] = {}

    def measure(name: str, seconds: Callable[[], float], executions: int) -> None:
        before = cpu_seconds_of_children()
        rates.setdefault(name, []).append(executions / seconds())
        cpu_ms.setdefault(name, []).append(1000 * (cpu_seconds_of_children() - before) / executions)

    with tempfile.TemporaryDirectory() as name:
        for number in range(options.rounds):
            jobs = batch(number, options.programs, options.inputs)
            few = jobs[: max(1, options.programs // 5)]
            for each in levels:
                measure(
                    f"executor at level {each.letter}",
                    partial(seconds_of_executor, each, options.cells, jobs),
                    count,
                )
            measure(
                "interpreter each",
                partial(seconds_of_subprocesses, few, Path(name), 2 * options.cells),
                len(few) * options.inputs,
            )
            measure("bare fork+exit+wait", partial(seconds_of_forks, count, options.cells), count)
    base = statistics.median(rates["interpreter each"])
    print(f"{count} executions a round, {options.rounds} rounds, {options.cells} cells")
    for name, measured in rates.items():
        middle = statistics.median(measured)
        spread = f"({min(measured):.0f} to {max(measured):.0f})"
        cpu = statistics.median(cpu_ms[name])
        print(f"{name:22} {middle:6.0f} /s {spread:15} {middle / base:6.2f} x  {cpu:6.2f} ms CPU each")


if __name__ == "__main__":
    main()
