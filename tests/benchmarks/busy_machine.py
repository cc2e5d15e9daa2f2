"""Time of a nano step beside one busy process, against the quiet machine.

    python tests/benchmarks/busy_machine.py [--steps 3]

The same steps run quiet, busy, and quiet again, each in a process of its own that starts as the engine does. Prints
wall and CPU seconds of a step; asked: beside one busy process on two cores at most 1.6 times the wall time. The load
before each part tells whether the machine was quiet.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

from engine.machine.threads import sleep_at_barriers

BUSY_LOOP = (sys.executable, "-I", "-S", "-c", "while True: pass")


def steps(count: int) -> None:
    """Run `count` steps in this process; print a step's wall and CPU seconds, the latter without the sandbox's."""
    sleep_at_barriers()  # before torch is imported, as the engine's process does
    from nano_step import run_steps

    done, cpu = run_steps(count)
    print(statistics.median(step.seconds for step in done), statistics.median(cpu))


def measure(count: int, busy: int) -> tuple[float, float]:
    with ExitStack() as ending:
        for _ in range(busy):
            loop = subprocess.Popen(BUSY_LOOP)
            ending.callback(loop.wait)
            ending.callback(loop.kill)
        load = os.getloadavg()[0]
        command = [sys.executable, __file__, "--child", "--steps", str(count)]
        wall, cpu = map(float, subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split())
    print(f"{busy} busy processes: {wall:6.2f} s a step, {cpu:6.2f} s of CPU; load before: {load:.1f}", flush=True)
    return wall, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        steps(options.steps)
        return
    quiet, busy, again = (measure(options.steps, loops) for loops in (0, 1, 0))
    ratios = [part / statistics.mean(others) for part, *others in zip(busy, quiet, again, strict=True)]
    print(f"beside one busy process: {ratios[0]:.2f} times the wall time (asked: 1.6), {ratios[1]:.2f} times the CPU")


if __name__ == "__main__":
    main()
