"""Fuzz of everything that others may have made: files and replies, seeded, each case watched.

    python -m tests.fuzz --cases 600 --seed 1                   600 cases of each kind: about an hour on one core
    python -m tests.fuzz --kind statement --kind preset --cases 2000
    python -m tests.fuzz --kind statement --seed 1 --only 17    one case again
    python -m tests.fuzz --seconds 30                           what fits into half a minute

A case that fails is saved below --save, with why.txt. `worker.py` says what a failure is.

Measured on 30 November 2026 on two cores at a load of 8 to 14: 10,443 cases of all 23 kinds, seed 21, in 73 minutes; 16
of the dashboard, 50 of templates and of models each, 367 of evaluations, 600 of CURE files, 520 of each other kind. Two
faults, since mended, each with a test: comments before a statement were read in 2^n ways (1 case), and a random
generator in no state ended a resume (2 cases). Three cases passed their wall-clock time because they waited for a core:
run again, two statements took 1.7 and 2.4 s of CPU time, the evaluation 3.5 s by the clock. Longest case 24.5 s by the
clock; largest growth 120 MB. Files of CURE had grown the process by 440 MB (seed 5, case 468); now 1,600 of them grow it
by 4 MB at most. After the mending 308 statements, 520 checkpoints, 260 evaluations, 1,000 CURE files, 474 front matters,
97 templates and 366 models ran again: one of the two statements waited for a core again, no other fault.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.kinds import KINDS
from tests.fuzz.worker import main as work

_START_SECONDS = 120.0


@dataclass(slots=True)
class Tally:
    """Cases of a kind that ran, the longest in seconds, the largest growth in megabytes, and the faults."""

    ran: int = 0
    slowest: float = 0.0
    grown: float = 0.0
    faults: list[str] = field(default_factory=list)


def run_kind(kind: str, seed: int, cases: range, seconds: float, save: Path) -> Tally:
    """Run cases in worker processes, one after the other, until `seconds` have passed; at least one of them."""
    tally, next_case, until = Tally(), cases.start, time.time() + seconds
    while next_case < cases.stop:
        command = [sys.executable, "-m", "tests.fuzz", "--worker", kind, str(seed), str(next_case), str(cases.stop)]
        begun, over = -1, False
        with subprocess.Popen(
            [*command, str(until), str(save)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if next_case == cases.start else subprocess.DEVNULL,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
            text=True,
        ) as worker:
            assert worker.stdout is not None
            for line in worker.stdout:
                report = json.loads(line)
                begun, over = report.get("begun", begun), "over" in report
                if "number" in report:
                    tally.ran, next_case, begun = tally.ran + 1, report["number"] + 1, -1
                    tally.slowest = max(tally.slowest, report.get("seconds", 0.0))
                    tally.grown = max(tally.grown, report.get("grown", 0.0))
                if "fault" in report:
                    _note(tally, f"{kind} {seed}-{report['number']}: {report['done']}\n{report['fault']}")
            said = worker.stderr.read() if worker.stderr else ""
        if begun >= 0:
            tally.ran, next_case = tally.ran + 1, begun + 1
            _note(tally, f"{kind} {seed}-{begun}: ended its process with status {worker.returncode}")
        elif worker.returncode:
            _note(tally, f"{kind}: the worker ended with status {worker.returncode}\n{said}")
            break
        if over or time.time() > until:
            break
    return tally


def _note(tally: Tally, fault: str) -> None:
    tally.faults.append(fault)
    print(fault, file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=600, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="by default all")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="start no case after so many seconds")
    parser.add_argument("--only", type=int, metavar="N", help="run case N alone")
    parser.add_argument("--save", type=Path, default=Path(tempfile.gettempdir(), "cure-tui-fuzz"), metavar="FOLDER")
    arguments = parser.parse_args()
    cases = range(arguments.cases) if arguments.only is None else range(arguments.only, arguments.only + 1)
    kinds = arguments.kind or list(KINDS)
    end, ran, faults = time.time() + arguments.seconds, 0, 0
    for number, kind in enumerate(kinds):
        started = time.time()
        share = (end - started) / (len(kinds) - number)  # what a quick kind leaves is for the others
        tally = run_kind(kind, arguments.seed, cases, share, arguments.save)
        took, ran, faults = time.time() - started, ran + tally.ran, faults + len(tally.faults)
        print(
            f"{kind:14} {tally.ran:6} cases {len(tally.faults):3} faults {took:6.0f} s, "
            f"slowest {tally.slowest:.1f} s, largest growth {tally.grown:.0f} MB"
        )
        sys.stdout.flush()
    print(f"{ran} cases, {faults} faults")
    return bool(faults)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        name, seed, first, last, until, save = sys.argv[2:]
        work(name, int(seed), int(first), int(last), float(until), Path(save))
    else:
        sys.exit(main())
