"""Cost of searching a million rollouts: time to the first page, time to the last, memory.

    python tests/benchmarks/archive.py [--rollouts 1000000]

Writes an archive of short answers (16 programs and 16 tests per task, 16 tasks per step) to a temporary folder with
ArchiveWriter; then a fresh process, with nothing cached, makes the queries of a list on the screen:

    first page   until the first ids arrive and the list shows something
    all ids      until the last id arrives: the list knows its length and the position of every rollout
    jump         the 50 rollouts of a screenful at a random position

Each in milliseconds of CPU time, which a busy machine changes little, and of wall time.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from cure_tui.dashboard.rollouts.query import parse  # noqa: E402
from engine.runs.archive import ArchiveWriter  # noqa: E402
from engine.runs.archive_reader import ArchiveReader  # noqa: E402
from engine.runs.records import CellGrid, MatrixRecord, RolloutRecord, StepRecord, TaskRecord  # noqa: E402

GROUP, TASKS = 16, 16
SCREENFUL, JUMPS = 50, 200
QUERIES = (
    "",
    "sort:step",
    "role:tester reward<0",
    "status:time_limit",
    "status:no_block",
    'text:"max("',
    'text:"sorted(x)"',
    "x9",
    "task:numbers-07",
    "step:100..110 role:coder",
    "sort:-reward",
    "sort:-tokens",
)


def make_step(step: int, chance: random.Random) -> StepRecord:
    return StepRecord(step, tuple(_task(step, position, chance) for position in range(TASKS)))


def _task(step: int, position: int, chance: random.Random) -> TaskRecord:
    number = (step * TASKS + position) % 997
    status = np.zeros((GROUP, 8), dtype=np.uint8)
    if chance.random() < 0.05:
        status[chance.randrange(GROUP), chance.randrange(8)] = 2  # time_limit
    grid = CellGrid(passed=status == 0, status=status)
    return TaskRecord(
        task=f"numbers-{number:03}",
        statement=f"Read numbers, print number {number % 10} of them.",
        rollouts=tuple(_answer(role, index, chance) for role in ("coder", "tester") for index in range(GROUP)),
        matrix=MatrixRecord(truth=grid, generated=grid, correct_n=status[:, 0] == 0),
    )


def _answer(role: str, index: int, chance: random.Random) -> RolloutRecord:
    function = chance.choices(("max(x)", "min(x)", "sum(x)", "sorted(x)[0]"), (30, 30, 39.9, 0.1))[0]
    rejected = chance.random() < 0.002
    text = f"```python\nx = [int(v) % {chance.randrange(1000)} for v in input().split()]\nprint({function})\n```"
    reward = chance.choice((-0.5, 0.0, 0.25, 0.75, 1.0)) - 0.05 * chance.random()
    return RolloutRecord(
        role=role,
        index=index,
        reward=reward,
        advantage=reward - 0.3,
        tokens=chance.randrange(20, 60),
        finished=chance.random() < 0.98,
        status="no_block" if rejected else "ok",
        text=text,
        source="" if rejected or role == "tester" else text[10:-4],
    )


def write(path: Path, rollouts: int) -> None:
    chance = random.Random(0)
    started = _now()
    steps = max(1, rollouts // (2 * GROUP * TASKS))
    with ArchiveWriter(path) as writer:
        for step in range(1, steps + 1):
            writer.write_step(make_step(step, chance))
    cpu, wall = _since(started)
    print(
        f"{steps * 2 * GROUP * TASKS:,} rollouts of {steps:,} steps: {path.stat().st_size / 1e6:,.0f} MB, "
        f"made and written in {cpu / 1e3:.0f} s of CPU, {wall / 1e3:.0f} s of the clock",
        flush=True,
    )


def read(path: Path) -> None:
    """Return the output of the reading process: one row per query."""
    at_start = _peak_megabytes()
    everything: array[int] = array("q")
    print(f"{'':<26}{'':>11}{'first page, ms':>18}{'all ids, ms':>18}")
    print(f"{'query':<26}{'found':>11}{'CPU':>9}{'wall':>9}{'CPU':>9}{'wall':>9}")
    with ArchiveReader(path) as reader:
        for text in QUERIES:
            query = parse(text)
            started = _now()
            first: tuple[float, float] | None = None
            found: array[int] = array("q")
            for page in reader.pages(query.filter(), query.order):
                found.extend(page)
                if found and first is None:
                    first = _since(started)
            last = _since(started)
            cpu, wall = first or last
            print(
                f"{text or '(everything)':<26}{len(found):>11,}{cpu:>9.1f}{wall:>9.1f}{last[0]:>9.0f}{last[1]:>9.0f}",
                flush=True,
            )
            everything = everything or found
        chance = random.Random(1)
        jumps = []
        for _ in range(JUMPS):
            place = chance.randrange(max(1, len(everything) - SCREENFUL))
            started = _now()
            assert len(reader.rollouts(everything[place : place + SCREENFUL])) == min(SCREENFUL, len(everything))
            jumps.append(_since(started))
    cpus, walls = (sorted(each) for each in zip(*jumps, strict=True))
    print(
        f"jump to any place, {SCREENFUL} rollouts: median {statistics.median(cpus):.2f} ms CPU, "
        f"{statistics.median(walls):.2f} ms wall; p95 {cpus[int(0.95 * JUMPS)]:.2f} and {walls[int(0.95 * JUMPS)]:.2f}"
    )
    print(f"memory: {_peak_megabytes():.0f} MB at its peak, of which {at_start:.0f} MB before the archive was opened")


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _since(then: tuple[float, float]) -> tuple[float, float]:
    """Return milliseconds of CPU time and of wall time."""
    cpu, wall = _now()
    return (cpu - then[0]) * 1e3, (wall - then[1]) * 1e3


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description="Times searches in an archive of many rollouts.")
    parser.add_argument("--rollouts", type=int, default=1_000_000)
    parser.add_argument("--read", type=Path, help="time this archive and write none")
    options = parser.parse_args()
    if options.read:
        read(options.read)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rollouts.sqlite"
        write(path, options.rollouts)
        subprocess.run([sys.executable, __file__, "--read", str(path)], check=True)


if __name__ == "__main__":
    main()
