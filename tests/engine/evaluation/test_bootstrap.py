"""Intervals and errors of means over tasks, against scipy, brute force and cases worked by hand."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy import stats

from engine.evaluation.bootstrap import (
    bca,
    cluster_error,
    cluster_numbers,
    estimates,
    percentile,
    wilson,
)
from engine.evaluation.summary import Estimate

SEEDS = range(6)


def shares(seed: int, tasks: int = 60) -> np.ndarray:
    """Return shares of 16 programs as sets of tasks have them: many at 0, many at 1."""
    rng = np.random.default_rng(seed)
    return rng.binomial(16, rng.beta(0.4, 0.8, tasks)) / 16


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", ["percentile", "BCa"])
def test_intervals_from_resampled_means_are_scipys(seed: int, method: str) -> None:
    values = shares(seed)
    rng = np.random.default_rng(seed)
    scipys = stats.bootstrap((values,), np.mean, n_resamples=10_000, method=method, rng=rng)
    means = scipys.bootstrap_distribution
    left_out = np.array([np.delete(values, at).mean() for at in range(len(values))])
    low, high = percentile(means) if method == "percentile" else bca(float(values.mean()), means, left_out)
    assert low == pytest.approx(scipys.confidence_interval.low, abs=1e-9)
    assert high == pytest.approx(scipys.confidence_interval.high, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_estimate_is_what_scipy_finds_with_draws_of_its_own(seed: int) -> None:
    values = shares(seed)
    [estimate] = estimates([values], seed=seed)
    scipys = stats.bootstrap((values,), np.mean, n_resamples=10_000, method="BCa", rng=seed + 100)
    assert estimate.mean == pytest.approx(values.mean())
    assert estimate.standard_error == pytest.approx(stats.sem(values))
    assert estimate.low == pytest.approx(scipys.confidence_interval.low, abs=0.006)
    assert estimate.high == pytest.approx(scipys.confidence_interval.high, abs=0.006)


@pytest.mark.parametrize("seed", SEEDS)
def test_tasks_without_the_figure_are_left_out_as_if_they_were_not_there(seed: int) -> None:
    values = shares(seed, 300)
    holes = values.copy()
    holes[::3] = np.nan
    [estimate], [without] = estimates([holes], seed=1), estimates([values[np.isfinite(holes)]], seed=2)
    assert (estimate.mean, estimate.n_tasks) == (pytest.approx(without.mean), 200)
    assert estimate.standard_error == pytest.approx(without.standard_error)
    assert estimate.low == pytest.approx(without.low, abs=0.006)
    assert estimate.high == pytest.approx(without.high, abs=0.006)


@pytest.mark.parametrize("hits", [0, 1, 7, 20, 39, 40])
def test_a_share_of_tasks_has_wilsons_interval(hits: int) -> None:
    values = np.array([1.0] * hits + [0.0] * (40 - hits))
    [estimate] = estimates([values], shares_k=[True])
    scipys = stats.binomtest(hits, 40).proportion_ci(method="wilson")
    low, high = wilson(hits / 40, 40)
    assert (low, high) == pytest.approx((scipys.low, scipys.high))
    # the error over tasks divides by n - 1, the effective size is that much smaller
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.004)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < estimate.high


def test_wilsons_interval_of_no_hit_in_ten_is_the_one_worked_by_hand() -> None:
    z2 = 1.959963984540054**2
    assert wilson(0.0, 10) == pytest.approx((0.0, z2 / (10 + z2)))


def test_counts_that_happen_to_be_zero_and_one_have_no_interval_of_shares() -> None:
    values = [1.0, 0.0, 1.0, 1.0]
    share, count = estimates([values, values], shares_k=[True, False])
    assert share.mean == count.mean
    assert share.low != count.low


@pytest.mark.parametrize("seed", SEEDS)
def test_the_error_by_cluster_is_the_double_sum_over_pairs_of_one_cluster(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, clusters = rng.random(40), rng.integers(0, 12, 40)
    residual = values - values.mean()
    pairs = sum(residual[i] * residual[j] for i in range(40) for j in range(40) if clusters[i] == clusters[j])
    n = len(np.unique(clusters))
    assert cluster_error(values, clusters) == pytest.approx(math.sqrt(n / (n - 1) * pairs) / 40)


def test_with_one_task_a_cluster_the_error_is_the_plain_one() -> None:
    values = np.random.default_rng(0).random(30)
    assert cluster_error(values, np.arange(30)) == pytest.approx(stats.sem(values))


def test_tasks_of_one_contest_that_agree_widen_the_interval() -> None:
    by_contest = np.repeat(np.random.default_rng(1).random(12), 5)
    contests = [f"contest {number}" for number in range(12) for _ in range(5)]
    [alone], [clustered] = estimates([by_contest]), estimates([by_contest], clusters=contests)
    [twelve] = estimates([by_contest[::5]])
    assert clustered.standard_error == pytest.approx(twelve.standard_error)
    assert clustered.low == pytest.approx(twelve.low, abs=0.006)
    assert alone.standard_error is not None
    assert clustered.standard_error is not None
    assert clustered.standard_error > 2 * alone.standard_error


def test_a_share_that_all_tasks_of_few_contests_agree_on_is_as_uncertain_as_the_contests() -> None:
    contests = [f"contest {number % 10}" for number in range(100)]
    [estimate] = estimates([np.ones(100)], clusters=contests, shares_k=[True])
    assert (estimate.low, estimate.high) == pytest.approx(wilson(1.0, 10))


def test_few_clusters_and_tasks_of_none_count_as_tasks() -> None:
    assert cluster_numbers(["leetcode", "atcoder", "atcoder"], 3).tolist() == [0, 1, 2]
    assert cluster_numbers(["", *"abcdefghi", "a"], 11).tolist() == [0, *range(1, 10), 1]
    assert cluster_numbers([""] * 20, 20).tolist() == list(range(20))


def test_a_seed_decides_the_intervals_and_the_other_figures_do_not() -> None:
    first, second = shares(0), shares(1)
    assert estimates([first], seed=5) == estimates([first], seed=5)
    assert estimates([first], seed=5) != estimates([first], seed=6)
    [_, among], [alone] = estimates([first, second], seed=5), estimates([second], seed=5)
    assert (among.low, among.high) == pytest.approx((alone.low, alone.high))


def test_one_task_or_one_cluster_has_a_mean_and_no_interval() -> None:
    assert estimates([[0.5]]) == [Estimate(0.5, None, None, None, 1)]
    assert estimates([[math.nan, math.nan]]) == [Estimate(None, None, None, None, 0)]
    values = [0.5, 0.25, *[math.nan] * 10]
    [estimate] = estimates([values], clusters=["a", "a", *"bcdefghijk"])
    assert estimate == Estimate(0.375, None, None, None, 2)


def test_figures_that_do_not_fit_the_tasks_are_refused() -> None:
    for values, clusters in (([[]], []), ([[1.0, 0.0]], ["a"])):
        with pytest.raises(ValueError, match="tasks"):
            estimates(values, clusters=clusters)


@pytest.mark.parametrize("tasks", [40, 150])
def test_an_interval_of_95_percent_holds_the_truth_in_about_95_percent(tasks: int) -> None:
    rng, held = np.random.default_rng(7), 0
    truth = 0.4 / 1.2
    for trial in range(300):
        [estimate] = estimates([rng.binomial(16, rng.beta(0.4, 0.8, tasks)) / 16], seed=trial, resamples=1000)
        held += estimate.low <= truth <= estimate.high
    assert 0.91 <= held / 300 <= 0.985


def test_forty_figures_of_1600_tasks_take_seconds() -> None:
    values = np.random.default_rng(0).random((40, 1600))
    start = time.process_time()
    assert len(estimates(values)) == 40
    assert time.process_time() - start < 20
