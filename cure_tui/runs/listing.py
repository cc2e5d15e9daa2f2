"""List of runs for the dashboard: filter, order, and a reader that reads again only the runs that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from cure_tui.runs.activity import seen_condition
from engine.machine.home import runs_home
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
    """Return the runs that have every word in their id, preset or state, ignoring case."""
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


def last_figures(run: RunInfo) -> list[float | None]:
    """Return the run's FIGURES in its last evaluation, else in its last step."""
    metrics = run.metrics or {}
    means = [evaluated(each.name, run.evaluation.summary).mean if run.evaluation else None for each in FIGURES]
    return [metrics.get(each.name) if mean is None else mean for mean, each in zip(means, FIGURES, strict=True)]


class RunList:
    """Cached list of the runs in `runs_home()`: a hundred take 0.2 s to read, so an unchanged run is not read again."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Marks, RunInfo]] = {}

    def read(self) -> list[RunInfo]:
        """Return all runs, in no order."""
        self._known = {path: self._read(path) for path in run_paths(runs_home())}
        return [run for _, run in self._known.values()]

    def _read(self, path: Path) -> tuple[_Marks, RunInfo]:
        # A running engine changes one of these files: it takes the lock, beats its heart, appends to the journal.
        marks = tuple(_mark(path / name) for name in ("version", "lock", "heartbeat", "events.jsonl"))
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
    return f"{run.id} {run.preset} {state}".casefold()
