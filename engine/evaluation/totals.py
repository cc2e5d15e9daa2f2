"""Totals of an evaluation from the rows of its tasks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from engine.evaluation.intervals import Bootstrap
from engine.evaluation.report import TaskRow, Totals
from engine.evaluation.summary import Estimate
from engine.reward.trust import aggregate_trust


def totals(rows: Sequence[TaskRow], seed: int = 0) -> Totals:
    """Compute all figures over the tasks of `rows`; deterministic in them and `seed`, which draws the resamples.

    Raises ValueError without rows.
    """
    if not rows:
        raise ValueError("no tasks to sum up")
    bootstrap = Bootstrap(len(rows), seed)

    def estimates(of: Callable[[TaskRow], Mapping[str, float | None]], names: dict[str, None]) -> dict[str, Estimate]:
        return {name: bootstrap.estimate([_number(of(row), name) for row in rows]) for name in names}

    return Totals(
        figures=estimates(lambda row: row.figures, {name: None for row in rows for name in row.figures}),
        bon=estimates(lambda row: row.bon, {name: None for row in rows for name in row.bon}),
        ut_bases=dict(Counter(row.ut_basis for row in rows)),
        trust=aggregate_trust(row.trust for row in rows),
        published=published_shares(rows),
    )


def published_shares(rows: Sequence[TaskRow]) -> dict[str, float | None]:
    """Return the shares of the published script: hits of all its tasks over their totals."""
    names = {name: None for row in rows for name in row.published}
    shares: dict[str, float | None] = {}
    for name in names:
        hits, of = (sum(row.published[name][side] for row in rows if name in row.published) for side in (0, 1))
        shares[name] = hits / of if of else None
    return shares


def _number(values: Mapping[str, float | None], name: str) -> float:
    found = values.get(name)
    return math.nan if found is None else float(found)
