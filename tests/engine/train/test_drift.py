"""Drift of KL: a policy too far from its base raises an alert and ends the run."""

from __future__ import annotations

from engine.runs.drift import drifted_kl


def test_one_heavy_tailed_estimate_is_no_drift() -> None:
    assert drifted_kl([0.07, 0.06, 1.11, 0.08, 0.07], bound=0.5) is None


def test_a_bound_that_is_passed_for_good_ends_the_run() -> None:
    assert drifted_kl([0.1, 0.55, 0.6, 0.7, 0.65], bound=0.5) == 0.6


def test_only_the_last_steps_count_and_of_these_those_with_an_estimate() -> None:
    assert drifted_kl([0.1, 0.1, 0.1, 0.1, 0.1, 0.6, None, 0.6, 0.6, None], bound=0.5) == 0.6
    assert drifted_kl([0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1], bound=0.5) is None


def test_too_few_steps_and_a_bound_of_zero_never_end_it() -> None:
    assert drifted_kl([0.9, 0.9], bound=0.5) is None
    assert drifted_kl([0.9] * 10, bound=0.0) is None
