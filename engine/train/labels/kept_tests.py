"""Tests of a tester in the run folder, labels.json: written once, when all are there, and read by every resume."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import RunError
from engine.evaluation.reading import read_strictly
from engine.problems import IOExample
from engine.runs.faults import run_faults
from engine.runs.files import LABELS_FILE, read_file, write_file

_VERSION = 1
_MOST_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class TaskTests:
    """Tests of one task; fewer than the source asks for leave the task out."""

    task: str
    tests: tuple[IOExample, ...]


@dataclass(frozen=True, slots=True)
class KeptTests:
    """Tests of a run's tasks, with the labels that they belong to."""

    version: int
    labels: str
    tasks: tuple[TaskTests, ...]


def read_tests(run_dir: Path, labels: str) -> dict[str, tuple[IOExample, ...]]:
    """Return the tests by task; {} where there are none, or they are of other labels. Raises RunError: corrupt."""
    with run_faults(run_dir):
        try:
            text = read_file(run_dir, LABELS_FILE, _MOST_BYTES)
        except FileNotFoundError:
            return {}
    try:
        found = read_strictly(KeptTests, text)
    except ValueError as fault:
        what = f"{LABELS_FILE} of run {run_dir.name} holds no tests: {fault}"
        raise RunError(what, f"remove {run_dir / LABELS_FILE}: the tester then writes them again") from fault
    if found.version != _VERSION or found.labels != labels:
        return {}
    return {each.task: each.tests for each in found.tasks}


def keep_tests(run_dir: Path, labels: str, tests: Mapping[str, tuple[IOExample, ...]]) -> None:
    """Write the tests. Raises RunError: disk full, not writable."""
    kept = KeptTests(_VERSION, labels, tuple(TaskTests(task, own) for task, own in tests.items()))
    with run_faults(run_dir):
        write_file(run_dir, LABELS_FILE, json.dumps(asdict(kept), separators=(",", ":")).encode() + b"\n", sync=True)
