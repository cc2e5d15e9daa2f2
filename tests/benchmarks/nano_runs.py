"""Table of assets/nano/README.md: held-out accuracy of nano before and after the default run, by seed.

    python tests/benchmarks/nano_runs.py [--seeds 0 1 2] [--runs DIR]

Takes under ten minutes per seed on two cores. With --runs, existing runs are read, not repeated.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.evaluation.summary import Estimate, EvalSummary
from engine.runs.events import EventKind
from engine.runs.journal import read_journal


def train(seed: int, folder: Path) -> None:
    command = [sys.executable, "-m", "cure_tui", "--preset", "nano", "--no-ui"]
    subprocess.run([*command, "--seed", str(seed), "--run-dir", str(folder)], check=True, stdout=subprocess.DEVNULL)


def summaries(folder: Path) -> tuple[EvalSummary, EvalSummary, float, int]:
    """Return both held-out evaluations, the minutes of the whole run and the steps trained."""
    events = read_journal(folder / "events.jsonl")
    heldout = {
        event.data["when"]: EvalSummary.from_json(event.data["summary"])  # type: ignore[arg-type]
        for event in events
        if event.kind == EventKind.EVALUATION and event.data["split"] == "heldout"
    }
    return heldout["start"], heldout["end"], events[-1].seconds / 60, events[-1].step or 0


def share(estimate: Estimate) -> str:
    return f"{100 * estimate.mean:.1f} ± {100 * (estimate.standard_error or 0):.1f}"


def number(estimate: Estimate) -> str:
    return f"{estimate.mean:.1f}"


def row(summary: EvalSummary) -> list[str]:
    mu = summary.trust.mu
    return [
        share(summary.code),
        share(summary.ut),
        share(summary.bon["4x4"]),
        share(summary.bon["16x16"]),
        "-" if mu is None else f"{mu:+.2f}",
        f"{100 * summary.trivial_share.mean:.0f}",
        number(summary.distinct_inputs),
        number(summary.tester_length),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", type=Path)
    arguments = parser.parse_args()
    runs = arguments.runs or Path(tempfile.mkdtemp(prefix="nano-runs-"))
    print("| seed | | code | unit tests | BoN(4,4) | BoN(16,16) | mu | trivial | distinct inputs | test tokens |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for seed in arguments.seeds:
        folder = runs / f"seed-{seed}"
        if not folder.exists():
            train(seed, folder)
        start, end, minutes, steps = summaries(folder)
        print(f"| {seed} | start | " + " | ".join(row(start)) + " |")
        print(f"| | after {steps} steps, {minutes:.1f} min | " + " | ".join(row(end)) + " |", flush=True)


if __name__ == "__main__":
    main()
