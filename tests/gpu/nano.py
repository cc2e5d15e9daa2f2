"""Training of the embedded model on the card from beginning to end, as a user would run it, and its result."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from engine.runs.events import EventKind
from engine.runs.folder import RunFolder
from engine.runs.journal import read_journal
from tests.gpu import workbench as bench

ROOT = Path(__file__).parents[2]

SMALL = (
    "rollout.tasks_per_step=2", "rollout.n_programs=4", "rollout.m_tests=4", "evaluation.heldout_tasks=2",
    "evaluation.validation_tasks=2", "evaluation.n_programs=4", "evaluation.m_tests=4",
    "evaluation.bon_sizes=[[4, 4]]", "policy.warmup_steps=1",
)  # fmt: skip


def run(folder: Path, steps: int, *, dry: bool) -> dict[str, object]:
    """Return the result that the command line reports; its progress goes to stderr."""
    overrides = [f"run.steps={steps}", "run.max_minutes=0.0", *(SMALL if dry else ())]
    command = [sys.executable, "-m", "cure_tui", "--preset", "nano", "--no-ui", "--json", "--run-dir", str(folder)]
    command += [part for override in overrides for part in ("--set", override)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ), check=False)
    if done.returncode:
        sys.exit(f"the run ended with status {done.returncode}; see {folder / 'engine.log'}")
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def figures(folder: Path) -> list[tuple[str, str]]:
    """Return medians over the steps, without the first one if there are others."""
    steps = [e.data["metrics"] for e in read_journal(RunFolder(folder).journal) if e.kind == EventKind.STEP_FINISHED]
    steps = steps[1:] or steps

    def median(name: str) -> float:
        return statistics.median(step[name] for step in steps if step.get(name) is not None)

    parts = ("seconds_sample", "seconds_execute_wait", "seconds_update")
    neither = statistics.median(1 - sum(step[part] for part in parts) / step["seconds"] for step in steps)
    return [
        ("step, seconds", f"{median('seconds'):.2f}"),
        ("sampling, seconds", f"{median('seconds_sample'):.2f}"),
        ("executing beyond sampling, seconds", f"{median('seconds_execute_wait'):.2f}"),
        ("update, seconds", f"{median('seconds_update'):.2f}"),
        ("neither of them", f"{neither:.1%}"),
        ("sampled tokens/s", f"{median('tokens_per_second'):,.0f}"),
        ("trained tokens/s", f"{median('update_tokens_per_second'):,.0f}"),
        ("KL of the last step", f"{steps[-1]['kl']:.4f}"),
        ("updates that were not finite", f"{sum(step['nonfinite_updates'] for step in steps):.0f}"),
    ]


def report(arguments: argparse.Namespace) -> None:
    bench.start(arguments)
    steps = 3 if arguments.dry else arguments.steps
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        result = run(folder, steps, dry=arguments.dry)
        rows = figures(folder)
    heldout = result["heldout"]
    assert isinstance(heldout, dict)
    for name, before in heldout["start"].items():
        if isinstance(before, float):
            rows.append((f"{name}, held-out tasks", f"{before:.3f} -> {heldout['end'][name]:.3f}"))
    bench.table([f"{steps} steps", ""], rows)
