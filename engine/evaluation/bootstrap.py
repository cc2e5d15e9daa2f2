"""Uncertainty of means over tasks: bootstrap (percentile or BCa), cluster-robust standard error, Wilson's interval.

    estimates        means of many figures over one set of tasks, with errors and intervals
    cluster_error    standard error of a mean over tasks that depend on each other in clusters
    wilson           interval of a share of tasks
    bca, percentile  intervals from resampled means

The task is the unit. With clusters, such as the tasks of one contest, whole clusters are resampled. Miller, arXiv
2411.00640, gives the errors; Efron 1987 gives BCa; Wilson 1927 the interval of a share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.evaluation.summary import Estimate

RESAMPLES = 10_000
LEVEL = 0.95
LEAST_CLUSTERS = 10
"""Fewer clusters than these say too little of how much clusters differ: tasks count as independent then."""
_CHUNK, _DRAWN = 500, 1 << 20  # resamples and tasks drawn at once: 8 MB
_NORMAL = NormalDist()
Floats = NDArray[np.float64]
Interval = tuple[float, float]


def estimates(
    values_kt: ArrayLike,
    *,
    clusters: Sequence[str] = (),
    shares_k: Sequence[bool] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Estimate]:
    """Estimate the mean over tasks of each of k figures; a nan is undefined for its task and left out.

    clusters: of each task, "" for none. shares_k: True where the figure is a share; if it is 0 or 1 in every task its
    interval is Wilson's, which has a width even if all tasks agree. All other intervals are BCa. Deterministic in all
    arguments. Raises ValueError without tasks, or for lengths that differ.
    """
    values = np.atleast_2d(np.asarray(values_kt, dtype=np.float64))
    n_figures, n_tasks = values.shape
    if not n_tasks or len(clusters) not in (0, n_tasks) or len(shares_k) not in (0, n_figures):
        raise ValueError(f"{n_figures} figures of {n_tasks} tasks, {len(clusters)} clusters, {len(shares_k)} shares")
    cluster_t = cluster_numbers(clusters, n_tasks)
    defined = np.isfinite(values)
    sums_ck, counts_ck = _by_cluster(np.where(defined, values, 0.0), cluster_t), _by_cluster(defined, cluster_t)
    drawn_rk = _resampled_means(sums_ck, counts_ck, seed, resamples)
    results = []
    for k in range(n_figures):
        known, groups = values[k, defined[k]], cluster_t[defined[k]]
        n_clusters = np.unique(groups).size
        if n_clusters < 2:
            results.append(Estimate(float(known.mean()) if known.size else None, None, None, None, known.size))
            continue
        mean, error = float(known.mean()), cluster_error(known, groups)
        if shares_k and shares_k[k] and np.isin(known, (0.0, 1.0)).all():
            low, high = wilson(mean, _effective_size(mean, error, known.size, n_clusters))
        else:
            left_out_c = _left_out(sums_ck[:, k], counts_ck[:, k])
            low, high = bca(mean, drawn_rk[np.isfinite(drawn_rk[:, k]), k], left_out_c)
        results.append(Estimate(mean, error, low, high, known.size))
    return results


def cluster_numbers(clusters: Sequence[str], n_tasks: int) -> NDArray[np.int64]:
    """Return the number of each task's cluster, from 0; a task of no cluster ("") is one of its own.

    With fewer than `LEAST_CLUSTERS` clusters each task is one.
    """
    names = [name or f"\0{place}" for place, name in enumerate(clusters)]
    if len(set(names)) < LEAST_CLUSTERS:
        return np.arange(n_tasks)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names])


def cluster_error(values_t: ArrayLike, cluster_t: ArrayLike) -> float:
    """Return the cluster-robust standard error of the mean, nan for fewer than two clusters.

    Errors of one cluster are summed before they are squared, times G / (G - 1) for G clusters: with one task a cluster
    it is the standard deviation over tasks (n - 1) through the root of n.
    """
    values = np.asarray(values_t, dtype=np.float64)
    numbers = np.unique(np.asarray(cluster_t), return_inverse=True)[1]
    sums = np.bincount(numbers, weights=values - values.mean())
    if sums.size < 2:
        return math.nan
    return math.sqrt(sums.size / (sums.size - 1) * float(sums @ sums)) / values.size


def wilson(share: float, n: float, level: float = LEVEL) -> Interval:
    """Return Wilson's interval of a share of `n` tasks, which lies in 0..1. n may be an effective size."""
    z2 = _NORMAL.inv_cdf((1 + level) / 2) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 / n * (share * (1 - share) + z2 / (4 * n))) / (1 + z2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def percentile(means_r: Floats, level: float = LEVEL) -> Interval:
    """Return the quantiles of resampled means."""
    low, high = np.quantile(means_r, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def bca(mean: float, means_r: Floats, left_out_c: Floats, level: float = LEVEL) -> Interval:
    """Return the bias-corrected and accelerated interval: quantiles of resampled means, moved for bias and skewness.

    left_out_c: mean without each of the clusters. The percentiles, where all resampled means lie on one side.
    """
    below = float((means_r < mean).mean() + (means_r == mean).mean() / 2)
    spread = left_out_c.mean() - left_out_c
    squares = float((spread**2).sum())
    if not 0 < below < 1 or squares == 0:
        return percentile(means_r, level)
    bias, acceleration = _NORMAL.inv_cdf(below), float((spread**3).sum()) / (6 * squares**1.5)

    def moved(z: float) -> float:
        return _NORMAL.cdf(bias + (bias + z) / (1 - acceleration * (bias + z)))

    z = _NORMAL.inv_cdf((1 + level) / 2)
    low, high = np.quantile(means_r, (moved(-z), moved(z)))
    return float(low), float(high)


def _by_cluster(values_kt: NDArray[np.generic], cluster_t: NDArray[np.int64]) -> Floats:
    sums = np.zeros((int(cluster_t.max()) + 1, len(values_kt)))
    np.add.at(sums, cluster_t, values_kt.T)
    return sums


def _resampled_means(sums_ck: Floats, counts_ck: Floats, seed: int, resamples: int) -> Floats:
    """Return (resamples, k) means over clusters drawn with replacement; nan where no drawn task has the figure."""
    rng, n = np.random.default_rng(seed), len(sums_ck)
    means = np.empty((resamples, sums_ck.shape[1]))
    chunk = min(_CHUNK, max(1, _DRAWN // n))
    for first in range(0, resamples, chunk):
        size = min(chunk, resamples - first)
        drawn = rng.integers(0, n, (size, n)) + np.arange(size)[:, None] * n
        # times each cluster is drawn, instead of its indices: all figures' means are two matrix products
        times = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)
        with np.errstate(invalid="ignore"):
            means[first : first + size] = (times @ sums_ck) / (times @ counts_ck)
    return means


def _left_out(sums_c: Floats, counts_c: Floats) -> Floats:
    rest = counts_c.sum() - counts_c
    kept = (counts_c > 0) & (rest > 0)
    without: Floats = (sums_c.sum() - sums_c[kept]) / rest[kept]
    return without


def _effective_size(share: float, error: float, n_tasks: int, n_clusters: int) -> float:
    """Return the number of independent tasks that would have this error; the clusters, where all tasks agree."""
    if error > 0:
        return min(n_tasks, max(1.0, share * (1 - share) / error**2))
    return n_clusters
