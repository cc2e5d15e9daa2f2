"""When a run ends because its policy has left the base behind."""

from __future__ import annotations

from engine.training import has_drifted


def test_one_heavy_tailed_estimate_is_no_drift() -> None:
    assert not has_drifted([0.07, 0.06, 1.11, 0.08, 0.07], bound=0.5)


def test_a_bound_that_is_passed_for_good_ends_the_run() -> None:
    assert has_drifted([0.1, 0.55, 0.6, 0.7, 0.65], bound=0.5)


def test_too_few_steps_and_a_bound_of_zero_never_end_it() -> None:
    assert not has_drifted([0.9, 0.9], bound=0.5)
    assert not has_drifted([0.9] * 10, bound=0.0)
