"""List of runs and evaluations for the dashboard: filter, order, and a reader that reads only what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from cure_tui.runs.activity import seen_condition
from engine.machine.home import evaluations_home, runs_home
from engine.runs.files import NOTE_FILE
from engine.runs.listing import RunCondition, RunInfo, read_info, run_paths
from engine.runs.metrics import evaluated, metric

LETTERS = "ABCD"
"""Short names of the runs chosen for a comparison, for places where their names are too long."""

FIGURES = tuple(metric(name) for name in ("code_accuracy", "ut_accuracy", "bon_accuracy"))
"""Metrics that the list shows of each run."""

_Marks = tuple[tuple[int, int] | None, ...]


class Order(StrEnum):
    """Order of the list."""

    NEWEST = "newest first"
    BEST = "best code first"
    STATE = "live first"
    NAME = "by name"

    def next(self) -> Order:
        orders = list(Order)
        return orders[(orders.index(self) + 1) % len(orders)]


def matching(runs: Sequence[RunInfo], words: str) -> list[RunInfo]:
    """Return the runs that have every word in their id, preset, state or note, ignoring case."""
    wanted = words.casefold().split()
    return [run for run in runs if all(word in _searched(run) for word in wanted)]


def sorted_by(runs: Sequence[RunInfo], order: Order) -> list[RunInfo]:
    """Sort the runs; equal ones stand newest first."""
    newest = sorted(runs, key=lambda run: (run.started or run.updated or 0.0, run.id), reverse=True)
    if order is Order.BEST:
        return sorted(newest, key=lambda run: -(last_figures(run)[0] or -1.0))
    if order is Order.STATE:
        conditions = list(RunCondition)
        return sorted(newest, key=lambda run: conditions.index(run.state))
    return sorted(newest, key=lambda run: run.id) if order is Order.NAME else newest


def is_evaluation(run: RunInfo) -> bool:
    """Tell whether it is an evaluation of `cure-tui eval`, by the folder it is in."""
    return run.path.parent == evaluations_home()


def last_figures(run: RunInfo) -> list[float | None]:
    """Return the run's FIGURES in its last evaluation, else in its last step."""
    metrics = run.metrics or {}
    means = [evaluated(each.name, run.evaluation.summary).mean if run.evaluation else None for each in FIGURES]
    return [metrics.get(each.name) if mean is None else mean for mean, each in zip(means, FIGURES, strict=True)]


class RunList:
    """Cached list of runs and evaluations: a hundred take 0.2 s to read, so an unchanged one is not read again."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Marks, RunInfo]] = {}

    def read(self) -> list[RunInfo]:
        """Return all runs and evaluations, in no order."""
        paths = [*run_paths(runs_home()), *run_paths(evaluations_home())]
        self._known = {path: self._read(path) for path in paths}
        return [run for _, run in self._known.values()]

    def _read(self, path: Path) -> tuple[_Marks, RunInfo]:
        # A running engine changes one of the first files: it takes the lock, beats its heart, appends to the journal.
        marks = tuple(_mark(path / name) for name in ("version", "lock", "heartbeat", "events.jsonl", NOTE_FILE))
        known = self._known.get(path)
        if known is not None and known[0] == marks and known[1].state is not RunCondition.LIVE:
            return known
        run = read_info(path)
        return marks, replace(run, state=seen_condition(run.state, began=run.started is not None, folder=path))


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _searched(run: RunInfo) -> str:
    state = "paused" if run.paused else run.state.value
    kind = "evaluation" if is_evaluation(run) else "run"
    return f"{run.id} {run.preset} {state} {kind} {run.note}".casefold()
