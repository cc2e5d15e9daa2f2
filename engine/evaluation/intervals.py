"""Uncertainty of a mean over tasks: standard error and seeded bootstrap interval, resampled by task.

The task is the unit because the samples of one task are not independent: by sample, intervals would be too narrow.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from engine.evaluation.summary import Estimate

RESAMPLES = 2000  # 50 of them lie below the 2.5 % quantile; 100 tasks take 5 ms in all
QUANTILES = (0.025, 0.975)


class Bootstrap:
    """Resamples of a set of tasks, drawn once and shared by all metrics of an evaluation."""

    def __init__(self, n_tasks: int, seed: int, resamples: int = RESAMPLES) -> None:
        if n_tasks < 1:
            raise ValueError("no tasks to resample")
        rng = np.random.default_rng(seed)
        # counts per resample, (resamples, tasks), instead of indices: all resampled means are one matrix product
        times_drawn = rng.multinomial(n_tasks, np.full(n_tasks, 1.0 / n_tasks), size=resamples)
        self._times_drawn = times_drawn.astype(np.float64)

    def estimate(self, values: ArrayLike) -> Estimate:
        """Estimate the mean over tasks of `values`, (tasks,); a nan is undefined for its task and left out.

        The interval is from the 2.5 % to the 97.5 % quantile of the resampled means. A share that is 0 or 1 in every
        task gets an interval of width zero, because resampling cannot create a value that no task has. Raises
        ValueError for another number of values than tasks.
        """
        values = np.asarray(values, dtype=np.float64)
        n_expected = self._times_drawn.shape[1]
        if values.shape != (n_expected,):
            raise ValueError(f"one value for each of {n_expected} tasks expected, not shape {values.shape}")
        defined = np.isfinite(values)
        n_tasks = int(defined.sum())
        if n_tasks == 0:
            return Estimate(None, None, None, None, 0)
        mean = float(values[defined].mean())
        if n_tasks == 1:
            return Estimate(mean, None, None, None, 1)
        drawn = self._times_drawn[:, defined]
        sizes = drawn.sum(axis=1)
        means = (drawn @ values[defined])[sizes > 0] / sizes[sizes > 0]
        low, high = np.quantile(means, QUANTILES)
        standard_error = float(values[defined].std(ddof=1)) / math.sqrt(n_tasks)
        return Estimate(mean, standard_error, float(low), float(high), n_tasks)
