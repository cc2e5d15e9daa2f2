"""The moving average is the textbook's, gap or no gap, however long the series."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cure_tui.charts import ema


def by_loop(y: list[float], weight: float) -> list[float]:
    average, norm, smooth = 0.0, 0.0, []
    for value in y:
        if not np.isfinite(value):
            smooth.append(np.nan)
            continue
        average = weight * average + (1 - weight) * value
        norm = weight * norm + (1 - weight)
        smooth.append(average / norm)
    return smooth


@settings(deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(np.nan) | st.just(np.inf), max_size=300),
    st.sampled_from([0.0, 0.3, 0.9, 0.99]),
)
def test_it_equals_a_plain_loop(y: list[float], weight: float) -> None:
    expected = by_loop(y, weight)
    scale = max((abs(value) for value in y if np.isfinite(value)), default=1.0)
    np.testing.assert_allclose(ema(np.array(y), weight), expected, rtol=1e-9, atol=1e-9 * scale, equal_nan=True)


def test_it_equals_a_plain_loop_over_many_blocks() -> None:
    y = np.random.default_rng(0).normal(size=10_000)
    np.testing.assert_allclose(ema(y, 0.97), by_loop(y.tolist(), 0.97), rtol=1e-9, atol=1e-12)


def test_the_first_average_is_the_first_value_and_a_constant_stays_itself() -> None:
    assert ema(np.array([3.0, 1.0]), 0.9)[0] == pytest.approx(3.0)
    np.testing.assert_allclose(ema(np.full(200, 7.0), 0.99), 7.0)


@pytest.mark.parametrize("weight", [-0.1, 1.0, np.nan])
def test_a_weight_that_never_forgets_or_is_negative_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        ema(np.zeros(3), weight)
