"""Runs of nano by the source of rewards and the choice of tasks, beside the labelled ones: hours, one after the other.

    python tests/benchmarks/label_runs.py --runs DIR [--seeds 0 1] [--only NAME ...] [--set SECTION.KEY=VALUE ...]

Continues where it stopped: a finished run in DIR is read, one that was broken off is resumed. Prints the table of
assets/nano/README.md, the differences to the labelled run of the same seed, paired by task, and what the anchors and
the labels told. `--set run.max_minutes=0` gives each run all its steps on a machine that is slow or busy.

    labelled             hidden tests, the shipped preset
    curriculum-code      hidden tests; tasks drawn by how rarely they are solved
    curriculum-code+tests  and by how rarely their tests are right
    tester               tests of the labelled run of another seed as the only reward
    consensus            ten anchors
    consensus-400        the same for 400 steps, without a limit of minutes
    consensus-unanchored no anchor
    references           tests judged by reference programs
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nano_runs import row  # beside this file

from engine.evaluation.comparison import compare
from engine.evaluation.report import Report
from engine.evaluation.summary import EvalSummary
from engine.runs.listing import RunCondition, read_info, read_state
from engine.runs.state import RunState

_NO_MINUTES = "run.max_minutes=0"
RUNS: dict[str, tuple[str, ...]] = {
    "labelled": (),
    "curriculum-code": ("data.curriculum=code",),
    "curriculum-code+tests": ("data.curriculum=code+tests",),
    "tester": ("reward.labels=tester:run:{teacher}",),
    "consensus": ("reward.labels=consensus",),
    "consensus-400": ("reward.labels=consensus", "run.steps=400", _NO_MINUTES),
    "consensus-unanchored": ("reward.labels=consensus", "reward.anchors=0"),
    "references": ("reward.tester_supervision=reference",),
}
"""Settings of each run beside the preset; {teacher}: folder of the labelled run of another seed."""


@dataclass(frozen=True)
class Series:
    """Runs of one call, in one folder."""

    folder: Path
    seeds: Sequence[int]
    settings: Sequence[str]

    def path(self, name: str, seed: int) -> Path:
        return self.folder / f"{name}-seed-{seed}"

    def teacher(self, seed: int) -> Path:
        """Return the labelled run of another seed; of the only one, where there is no other."""
        others = [each for each in self.seeds if each != seed] or [seed]
        return self.path("labelled", others[0])

    def finish(self, name: str, seed: int) -> RunState:
        """Make the run, or what is left of it, and return its last state."""
        path = self.path(name, seed)
        if not path.exists():
            given = [word.format(teacher=self.teacher(seed)) for word in RUNS[name]]
            self._run("--preset", "nano", "--seed", str(seed), "--run-dir", str(path), settings=given)
        elif read_info(path).state is not RunCondition.FINISHED:
            self._run("resume", str(path))
        return read_state(path / "events.jsonl")

    def evaluated(self, name: str, seed: int) -> Report:
        """Evaluate the trained policy on all held-out tasks, if that is not done, and return the report."""
        home, title = self.folder / "home", f"{name}-seed-{seed}".replace("+", "-and-")
        written = home / "evaluations" / title / "report.json"
        if not written.exists():
            begun = ("--resume", title) if written.parent.exists() else ("--data", "nano", "--name", title)
            command = [sys.executable, "-m", "cure_tui", "eval", *begun, "--run", str(self.path(name, seed)), "--yes"]
            subprocess.run(
                command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"CURE_TUI_HOME": str(home)}
            )
        return Report.from_json(written.read_bytes(), title)

    def _run(self, *words: str, settings: Sequence[str] = ()) -> None:
        command = [sys.executable, "-m", "cure_tui", *words, "--no-ui"]
        for setting in (*settings, *(self.settings if "--preset" in words else ())):
            command += ["--set", setting]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def heldout(state: RunState, when: str) -> EvalSummary | None:
    found = state.evaluation("heldout", when)
    return found.summary if found else None


def differences(of: Report, beside: Report) -> str:
    """Return all accuracies of one report less those of another, in points, paired by task, with the 95 % interval."""
    figures = compare(beside, of).figures
    return ", ".join(
        f"{name} {100 * found.estimate.mean:+.1f} [{100 * found.estimate.low:+.1f}, {100 * found.estimate.high:+.1f}]"
        for name, found in figures.items()
        if name in ("code", "ut") or name.startswith("bon ")
    )


def told(state: RunState) -> str:
    """Return what the labels were worth, at the start of the run and at its end."""
    names = ("presumed_accuracy", "anchor_code_accuracy", "anchor_ut_accuracy", "presumed_precision", "label_accuracy")
    parts = []
    for name in names:
        known = [value for point in state.points if (value := point.metrics.get(name)) is not None]
        if known:
            few = max(1, min(10, len(known) // 2))
            first, last = (100 * sum(part) / len(part) for part in (known[:few], known[-few:]))
            parts.append(f"{name.replace('_', ' ')} {first:.0f} -> {last:.0f}")
    return "; ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", choices=list(RUNS), default=list(RUNS))
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="SECTION.KEY=VALUE")
    arguments = parser.parse_args()
    series = Series(arguments.runs.absolute(), arguments.seeds, arguments.settings)
    series.folder.mkdir(parents=True, exist_ok=True)
    # Testers come from labelled runs, and everything is compared with them.
    for seed in series.seeds:
        series.finish("labelled", seed)
    print("| run | seed | | code | unit tests | BoN(4,4) | BoN(16,16) | mu | trivial | distinct inputs | test tokens |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    remarks = []
    for name in arguments.only:
        for seed in series.seeds:
            state = series.finish(name, seed)
            for when in ("start", "end"):
                summary = heldout(state, when)
                if summary is not None:
                    place = "start" if when == "start" else f"after {state.step} steps, {state.seconds / 60:.1f} min"
                    print(f"| {name} | {seed} | {place} | " + " | ".join(row(summary)) + " |", flush=True)
            gap = ""
            if name != "labelled":
                found = differences(series.evaluated(name, seed), series.evaluated("labelled", seed))
                gap = f"; to the labelled run, paired over all held-out tasks: {found}"
            remarks.append(f"{name}, seed {seed}: {state.ending}{gap}. {told(state)}")
    print("\n" + "\n".join(remarks))


if __name__ == "__main__":
    main()
