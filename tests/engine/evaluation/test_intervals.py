"""Mean, standard error and bootstrap interval over tasks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.evaluation.intervals import Bootstrap
from engine.evaluation.summary import Estimate


def test_mean_and_standard_error_of_a_hand_worked_sample() -> None:
    estimate = Bootstrap(4, seed=0).estimate([0.0, 0.0, 1.0, 1.0])
    assert estimate.mean == 0.5
    assert estimate.standard_error == pytest.approx(math.sqrt(1 / 3) / 2)
    assert estimate.n_tasks == 4


def test_the_interval_agrees_with_the_normal_one_on_many_tasks() -> None:
    values = np.random.default_rng(3).random(400)
    estimate = Bootstrap(400, seed=0).estimate(values)
    assert estimate.mean is not None
    assert estimate.standard_error is not None
    assert estimate.low == pytest.approx(estimate.mean - 1.96 * estimate.standard_error, abs=0.003)
    assert estimate.high == pytest.approx(estimate.mean + 1.96 * estimate.standard_error, abs=0.003)


def test_the_seed_decides_the_interval() -> None:
    values = np.linspace(0, 1, 20)
    assert Bootstrap(20, seed=5).estimate(values) == Bootstrap(20, seed=5).estimate(values)
    assert Bootstrap(20, seed=5).estimate(values).low != Bootstrap(20, seed=6).estimate(values).low


def test_tasks_that_cannot_say_are_left_out() -> None:
    estimate = Bootstrap(4, seed=0).estimate([1.0, math.nan, 0.0, math.nan])
    assert (estimate.mean, estimate.n_tasks) == (0.5, 2)
    assert (estimate.low, estimate.high) == (0.0, 1.0)


def test_one_task_has_a_mean_but_no_uncertainty() -> None:
    assert Bootstrap(1, seed=0).estimate([0.5]) == Estimate(0.5, None, None, None, 1)


def test_no_task_that_can_say_leaves_nothing() -> None:
    assert Bootstrap(2, seed=0).estimate([math.nan, math.nan]) == Estimate(None, None, None, None, 0)


def test_values_that_are_not_one_a_task_are_refused() -> None:
    with pytest.raises(ValueError, match="each of 2 tasks"):
        Bootstrap(2, seed=0).estimate([1.0])
    with pytest.raises(ValueError, match="no tasks"):
        Bootstrap(0, seed=0)


def test_an_estimate_survives_json() -> None:
    for estimate in (Estimate(0.25, 0.125, 0.0, 0.5, 8), Estimate(None, None, None, None, 0)):
        assert Estimate.from_json(estimate.to_json()) == estimate
