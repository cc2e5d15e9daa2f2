"""Totals of an evaluation from the rows of its tasks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from engine.evaluation.bootstrap import estimates
from engine.evaluation.passk import pass_at_k, sizes_of_k
from engine.evaluation.report import Report, TaskRow, Totals
from engine.evaluation.summary import COUNTS, ESTIMATES, UNKNOWN, Estimate, EvalSummary
from engine.reward.trust import aggregate_trust


def totals(rows: Sequence[TaskRow], seed: int = 0) -> Totals:
    """Compute all figures over the tasks of `rows`; deterministic in them and `seed`, which draws the resamples.

    Errors and intervals are by cluster where the rows have enough of them. Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("no tasks to sum up")
    columns: dict[tuple[str, str], list[float]] = {}
    for group, of in _GROUPS.items():
        mappings = [of(row) for row in rows]
        for name in {name: None for mapping in mappings for name in mapping}:
            columns[group, name] = [_number(mapping.get(name)) for mapping in mappings]
    values = np.array(list(columns.values())).reshape(len(columns), len(rows))
    shares = [name not in COUNTS for _, name in columns]
    found = estimates(values, clusters=[row.cluster for row in rows], shares_k=shares, seed=seed) if columns else []
    by_group: dict[str, dict[str, Estimate]] = {group: {} for group in _GROUPS}
    for (group, name), estimate in zip(columns, found, strict=True):
        by_group[group][name] = estimate
    return Totals(
        **by_group,
        ut_bases=dict(Counter(row.ut_basis for row in rows)),
        trust=aggregate_trust(row.trust for row in rows),
        published=published_shares(rows),
    )


def pass_at(row: TaskRow) -> dict[str, float | None]:
    """Return unbiased pass@k of a task, k = 1, 2, 4, ... and n; None for a k of more programs than were judged."""
    sizes = sizes_of_k(row.programs)
    return {str(k): pass_at_k(row.judged, row.correct, k) if k <= row.judged else None for k in sizes}


def summary_of(report: Report) -> EvalSummary:
    """Return the totals in the form of a run's evaluations, with the sizes of best of n that were asked for."""
    sums = report.totals
    return EvalSummary(
        n_tasks=len(report.rows),
        bon={size: sums.bon[size] for size in report.settings.bon if size in sums.bon},
        consensus={size: sums.consensus[size] for size in report.settings.bon if size in sums.consensus},
        ut_bases=sums.ut_bases,
        trust=sums.trust,
        **{name: sums.figures.get(name, UNKNOWN) for name in ESTIMATES},
    )


def published_shares(rows: Sequence[TaskRow]) -> dict[str, float | None]:
    """Return the shares of the published script: hits of all its tasks over their totals."""
    names = {name: None for row in rows for name in row.published}
    shares: dict[str, float | None] = {}
    for name in names:
        hits, of = (sum(row.published[name][side] for row in rows if name in row.published) for side in (0, 1))
        shares[name] = hits / of if of else None
    return shares


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


_GROUPS: Mapping[str, Callable[[TaskRow], Mapping[str, float | None]]] = {
    "figures": lambda row: row.figures,
    "bon": lambda row: row.bon,
    "consensus": lambda row: row.consensus,
    "pass_at": pass_at,
}
