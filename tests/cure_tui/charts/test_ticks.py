"""Ticks stand on round numbers inside their axis, and their labels tell them apart."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cure_tui.charts import format_tick, format_value, nice_ticks
from cure_tui.charts.ticks import cover, log_cover, step_of

numbers = st.floats(-1e250, 1e250)
positive = st.floats(1e-250, 1e250)


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [
        (0, 1, 5, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 0.3, 3, (0, 0.1, 0.2, 0.3)),
        (-7, 12, 4, (-5, 0, 5, 10)),
        (1, 350, 4, (100, 200, 300)),
        (1e6, 3e6, 2, (1e6, 2e6, 3e6)),
        (2e-7, 9e-7, 4, (2e-7, 4e-7, 6e-7, 8e-7)),
        (5, 5, 4, (5,)),
        (1, 0, 1, (0, 1)),
        (0, math.inf, 3, ()),
        (math.nan, 1, 3, ()),
        (0, 1, 0, ()),
    ],
)
def test_ticks_are_multiples_of_one_two_or_five(low: float, high: float, count: int, ticks: tuple[float, ...]) -> None:
    assert nice_ticks(low, high, count) == ticks


def test_steps_are_not_divided_where_only_whole_numbers_mean_something() -> None:
    assert nice_ticks(1, 3, 8, least=1) == (1, 2, 3)


@settings(deadline=None)
@given(numbers, numbers, st.integers(1, 20))
def test_ticks_ascend_inside_the_axis_and_are_no_more_than_asked(a: float, b: float, count: int) -> None:
    ticks = nice_ticks(a, b, count)
    slack = abs(a - b) * 1e-6
    assert list(ticks) == sorted(set(ticks))
    assert len(ticks) <= count + 1
    assert all(min(a, b) - slack <= tick <= max(a, b) + slack for tick in ticks)


@settings(deadline=None)
@given(numbers, numbers, st.integers(1, 20))
def test_a_covering_axis_holds_its_data_and_two_ticks(a: float, b: float, intervals: int) -> None:
    low, high = min(a, b), max(a, b)
    if high - low <= max(abs(low), abs(high)) * 1e-9 or high - low < 1e-250:
        return
    (start, stop), ticks = cover(low, high, intervals)
    slack = (high - low) * 1e-6
    assert start - slack <= low < high <= stop + slack
    assert 2 <= len(ticks) <= intervals + 3
    assert start <= ticks[0] < ticks[-1] <= stop


@settings(deadline=None)
@given(positive, positive, st.integers(1, 20))
def test_a_logarithmic_axis_holds_its_data_and_two_ticks(a: float, b: float, intervals: int) -> None:
    (start, stop), ticks = log_cover(min(a, b), max(a, b), intervals)
    assert start <= min(a, b) * (1 + 1e-6)
    assert max(a, b) <= stop * (1 + 1e-6)
    assert 2 <= len(ticks) <= intervals + 3
    assert list(ticks) == sorted(set(ticks))


def test_a_logarithmic_axis_ticks_decades_and_where_it_is_short_also_two_and_five() -> None:
    assert log_cover(0.002, 70, 6) == ((0.002, 100), (0.01, 0.1, 1, 10, 100))
    assert log_cover(0.3, 4, 6) == ((0.2, 5), (0.2, 0.5, 1, 2, 5))
    assert log_cover(1e-12, 1, 4) == ((1e-12, 1), (1e-12, 1e-9, 1e-6, 1e-3, 1))


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0, 0.2, "0.0"),
        (0.30000000000000004, 0.1, "0.3"),
        (0.25, 0.05, "0.25"),
        (-0.0, 1, "0"),
        (950, 50, "950"),
        (1050, 50, "1050"),
        (1500, 500, "1.5k"),
        (20_000, 5000, "20k"),
        (2e6, 5e5, "2.0M"),
        (-3e9, 1e9, "-3G"),
        (2e-6, 1e-6, "2e-6"),
        (1.5e-6, 5e-7, "1.5e-6"),
        (0, 1e-6, "0"),
        (0.95002, 2e-5, "0.95002"),
        (1e18, 1e17, "1.0e18"),
        (math.nan, 1, "nan"),
        (-math.inf, 1, "-inf"),
        (3, 0, "3"),
    ],
)
def test_labels_are_short_and_carry_the_digits_of_their_step(value: float, step: float, text: str) -> None:
    assert format_tick(value, step) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.63412, "0.634"),
        (-0.00609, "-0.00609"),
        (5e-6, "5.00e-6"),
        (412.0, "412"),
        (412.34, "412"),
        (12.34, "12.3"),
        (12_345, "12.3k"),
        (1e-200, "1.00e-200"),
        (math.inf, "inf"),
    ],
)
def test_values_to_read_off_have_three_digits(value: float, text: str) -> None:
    assert format_value(value) == text


@settings(deadline=None)
@given(st.floats(-1e12, 1e12), st.floats(1e-3, 1e12), st.integers(2, 12))
def test_labels_of_one_axis_differ(low: float, span: float, count: int) -> None:
    ticks = nice_ticks(low, low + span, count)
    if len(ticks) > 1 and step_of(ticks) > abs(low) * 1e-9:
        assert len({format_tick(tick, step_of(ticks)) for tick in ticks}) == len(ticks)
