"""Paired comparison of two evaluations, against scipy, brute force and cases worked by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from engine.evaluation.paired import (
    MCNEMAR,
    SIGN_FLIP,
    difference,
    holm,
    mcnemar,
    sign_flip,
    smallest_detectable,
)

SEEDS = range(6)


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (5, 0), (7, 3), (3, 7), (12, 12), (40, 21)])
def test_mcnemar_is_the_exact_binomial_test_of_the_flipped_tasks(better: int, worse: int) -> None:
    expected = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert mcnemar(better, worse) == pytest.approx(expected)


def test_mcnemar_of_five_against_none_is_worked_by_hand() -> None:
    assert mcnemar(5, 0) == 2 / 32


@pytest.mark.parametrize("seed", SEEDS)
def test_few_sign_flips_are_all_counted(seed: int) -> None:
    delta = np.random.default_rng(seed).integers(-4, 6, 9) / 16
    sums = [
        abs(sum(d * s for d, s in zip(delta, signs, strict=True))) for signs in itertools.product((1, -1), repeat=9)
    ]
    expected = np.mean([each >= abs(delta.sum()) - 1e-9 for each in sums])
    assert sign_flip(delta) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_many_sign_flips_agree_with_scipys_permutation_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random(80), rng.random(80) + 0.06
    result = stats.permutation_test(
        (b, a), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=9_999, rng=seed
    )
    found = difference(a, b, seed=seed)
    assert found is not None
    assert found.test == SIGN_FLIP
    assert found.p == pytest.approx(result.pvalue, abs=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_difference_and_its_interval_are_those_of_a_paired_bootstrap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = rng.random(90)
    b = a + rng.normal(0.05, 0.1, 90)
    found = difference(a, b, seed=seed)
    scipys = stats.bootstrap((a, b), lambda x, y: np.mean(y - x), paired=True, vectorized=False, method="BCa", rng=1)
    assert found is not None
    assert found.estimate.mean == pytest.approx((b - a).mean())
    assert (found.a, found.b) == (pytest.approx(a.mean()), pytest.approx(b.mean()))
    assert found.estimate.low == pytest.approx(scipys.confidence_interval.low, abs=0.003)
    assert found.estimate.high == pytest.approx(scipys.confidence_interval.high, abs=0.003)


def test_the_p_value_of_no_difference_is_uniform() -> None:
    rng = np.random.default_rng(3)
    small = 0
    for trial in range(300):
        found = difference(rng.random(30), rng.random(30), seed=trial, resamples=400)
        assert found is not None
        small += found.p <= 0.1
    assert 0.05 <= small / 300 <= 0.155


def test_choices_of_one_program_are_tested_by_mcnemar_with_the_flipped_tasks_counted() -> None:
    found = difference([0, 0, 0, 0, 0, 0, 1, 1, math.nan], [1, 1, 1, 1, 1, 1, 0, 1, 1])
    assert found is not None
    assert (found.test, found.better, found.worse, found.estimate.n_tasks) == (MCNEMAR, 6, 1, 8)
    assert found.p == pytest.approx(2 * (1 + 7) / 2**7)


def test_tasks_of_one_cluster_flip_together() -> None:
    a = np.zeros(60)
    b = np.repeat([0.2, 0.1, 0.3, 0.2, 0.2, 0.1, -0.1, 0.2, 0.1, 0.3, 0.2, 0.1], 5)
    contests = [str(number) for number in range(12) for _ in range(5)]
    alone, clustered = difference(a, b), difference(a, b, clusters=contests)
    assert alone is not None
    assert clustered is not None
    assert clustered.p == sign_flip(b[::5])
    assert clustered.p > alone.p
    assert clustered.detectable is not None
    assert alone.detectable is not None
    assert clustered.detectable > 2 * alone.detectable


def test_one_cluster_of_pairs_is_tested_as_a_whole_even_where_all_values_are_zero_or_one() -> None:
    contests = [str(number // 4) for number in range(48)]
    found = difference([0.0] * 48, [1.0, 0.0] * 24, clusters=contests)
    assert found is not None
    assert found.test == SIGN_FLIP


def test_equal_evaluations_show_nothing_and_name_no_smallest_difference() -> None:
    found = difference([0.5, 0.25, 1.0], [0.5, 0.25, 1.0])
    assert found is not None
    assert (found.estimate.mean, found.p, found.better, found.worse, found.detectable) == (0.0, 1.0, 0, 0, None)
    assert difference([math.nan], [1.0]) is None


def test_evaluations_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="same tasks"):
        difference([0.5], [0.5, 1.0])


def test_the_smallest_detectable_difference_is_found_four_times_of_five() -> None:
    error = 0.02
    wanted = smallest_detectable(error)
    assert wanted == pytest.approx(2.8016 * error, abs=1e-4)
    drawn = np.random.default_rng(0).normal(wanted, error, 20_000)
    assert (np.abs(drawn) > 1.959964 * error).mean() == pytest.approx(0.8, abs=0.01)


def test_holms_p_values_are_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_holm_rejects_what_the_stepwise_rule_rejects(seed: int) -> None:
    p_values = np.random.default_rng(seed).random(7) ** 3
    rejected, order = set(), np.argsort(p_values)
    for rank, place in enumerate(order):
        if p_values[place] > 0.05 / (7 - rank):
            break
        rejected.add(int(place))
    assert {place for place, p in enumerate(holm(p_values.tolist())) if p <= 0.05} == rejected
