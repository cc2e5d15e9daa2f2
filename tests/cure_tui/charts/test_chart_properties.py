"""Properties of charts for any data and size: exact dimensions, no exception, no lost spike, no hole in a line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from cure_tui.charts import (
    QUANTILES,
    ChartOptions,
    GlyphSet,
    Series,
    histogram,
    line_chart,
    quantile_bands,
    sparkline,
    to_csv,
    to_svg,
)
from cure_tui.charts.trace import trace
from cure_tui.drawing.spans import Row, plain, width

values = st.floats(width=64) | st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324])
columns, rows = st.integers(-1, 130), st.integers(-1, 45)
options = st.builds(
    ChartOptions,
    title=st.text(max_size=30),
    x_label=st.text(max_size=12),
    log_y=st.booleans(),
    y_range=st.none() | st.tuples(values, values),
    smoothing=st.sampled_from([0.0, 0.5, 0.99, 7.0, np.nan]),
    glyphs=st.sampled_from(GlyphSet),
    cursor_x=st.none() | values,
    legend=st.booleans(),
)


@st.composite
def series(draw: st.DrawFn) -> Series:
    points = draw(st.lists(st.tuples(values, values), max_size=20))
    x = sorted(x for x, _ in points) if draw(st.booleans()) else [x for x, _ in points]
    style = draw(st.sampled_from(["series0", "series5", "coder", "good", "nonsense"]))
    return Series(draw(st.text(max_size=20)), np.array(x), np.array([y for _, y in points]), style)


def assert_exact(chart: Sequence[Row], columns: int, rows: int, glyphs: GlyphSet) -> None:
    assert len(chart) == max(rows, 0)
    text = ["".join(span.text for span in row) for row in chart]
    assert {width(row) for row in chart} <= {max(columns, 0)}
    assert {cell_len(row) for row in text} <= {max(columns, 0)}
    assert glyphs is not GlyphSet.ASCII or "".join(text).isascii()


@settings(max_examples=150, deadline=None)
@given(st.lists(series(), max_size=4), columns, rows, options)
def test_a_line_chart_has_the_size_asked_for(
    some: list[Series], columns: int, rows: int, options: ChartOptions
) -> None:
    assert_exact(line_chart(some, columns, rows, options), columns, rows, options.glyphs)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(values, st.tuples(*[values] * len(QUANTILES))), max_size=12), columns, rows, options)
def test_quantile_bands_have_the_size_asked_for(
    data: list[tuple[float, tuple[float, ...]]], columns: int, rows: int, options: ChartOptions
) -> None:
    quantiles = np.array([each for _, each in data]).reshape(len(data), len(QUANTILES))
    chart = quantile_bands(np.sort([x for x, _ in data]), quantiles, columns, rows, options)
    assert_exact(chart, columns, rows, options.glyphs)


@settings(max_examples=50, deadline=None)
@given(st.lists(values | st.integers(-5, 2000).map(float), max_size=40), columns, rows, options)
@example([0.0, 5e-324], 4, 1, ChartOptions())
@example([5e-324, 5e-324], 4, 4, ChartOptions())
@example([-1e-310, 1e-310], 40, 4, ChartOptions())
@example([0.1 + 0.2, 0.3], 40, 4, ChartOptions())
def test_a_histogram_has_the_size_asked_for(
    data: list[float], columns: int, rows: int, options: ChartOptions
) -> None:  # fmt: skip
    assert_exact(histogram(np.array(data), columns, rows, options), columns, rows, options.glyphs)


@settings(deadline=None)
@given(st.lists(values, max_size=60), columns, st.sampled_from(GlyphSet))
def test_a_sparkline_has_the_width_asked_for(y: list[float], columns: int, glyphs: GlyphSet) -> None:
    assert_exact([sparkline(np.array(y), columns, glyphs)], columns, 1, glyphs)


@settings(max_examples=50, deadline=None)
@given(st.lists(series(), max_size=4), columns, rows, options)
def test_exports_never_raise(some: list[Series], columns: int, rows: int, options: ChartOptions) -> None:
    to_csv(some)
    to_svg(some, columns * 8, rows * 16, options)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9_999), st.sampled_from(GlyphSet), st.booleans(), st.sampled_from([0.0, 0.9]))
def test_one_spike_in_ten_thousand_points_is_seen(at: int, glyphs: GlyphSet, upward: bool, smoothing: float) -> None:
    y = np.zeros(10_000)
    y[at] = 100.0 if upward else -100.0
    options = ChartOptions(legend=False, glyphs=glyphs, smoothing=smoothing)
    chart = plain(line_chart([Series("", np.arange(10_000.0), y)], 60, 12, options)).splitlines()
    top, bottom = chart[0], chart[9]
    seen = top if upward else bottom
    assert re.sub(r"^ *(-?[\d.]+)?[┤│|-]", "", seen).strip()  # what is left behind label and axis


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=200), st.integers(2, 60))
def test_a_line_reaches_its_extremes_and_has_no_holes(down: list[float], width: int) -> None:
    across = np.linspace(0, width - 1, len(down))
    extent = trace(across, np.array(down), np.arange(len(down)) > 0, width)
    assert extent.top_w.min() == pytest.approx(min(down))
    assert extent.bottom_w.max() == pytest.approx(max(down))
    stretches = list(zip(np.rint(extent.top_w), np.rint(extent.bottom_w), strict=True))
    assert all(top <= bottom for top, bottom in stretches)
    for (top, bottom), (next_top, next_bottom) in pairwise(stretches):
        assert next_top <= bottom + 1
        assert next_bottom >= top - 1


@pytest.mark.parametrize("glyphs", GlyphSet)
def test_what_a_logarithmic_axis_cannot_hold_stays_out_of_the_average(glyphs: GlyphSet) -> None:
    series = Series("", np.array([0.0, 1, 2]), np.array([1.0, 1, 0]))
    options = ChartOptions(log_y=True, smoothing=0.5, glyphs=glyphs)
    assert_exact(line_chart([series], 1, 1, options), 1, 1, glyphs)
    assert_exact(line_chart([series], 40, 10, options), 40, 10, glyphs)


def test_a_gap_is_left_open() -> None:
    y = np.array([1.0, 1, 1, np.nan, np.nan, np.nan, 1, 1, 1])
    chart = plain(line_chart([Series("", np.arange(9.0), y)], 40, 3, ChartOptions(legend=False)))
    line = next(row for row in chart.splitlines() if "⠤" in row or "⣀" in row or "⠒" in row or "⠉" in row)
    assert "        " in line.strip()


def test_x_and_y_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long"):
        Series("a", np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match=r"\[3, 5\]"):
        quantile_bands(np.zeros(3), np.zeros((3, 4)), 40, 10)


@pytest.mark.parametrize("glyphs", [GlyphSet.BRAILLE, GlyphSet.BLOCK])
def test_lines_with_several_marks_are_told_apart_without_colour(glyphs: GlyphSet) -> None:
    x = np.arange(50.0)
    pair = [Series("a", x, x), Series("b", x, x[::-1].copy())]
    text = plain(line_chart(pair, 60, 16, ChartOptions(glyphs=glyphs, marks=4, legend=False)))
    assert (text.count("●"), text.count("▲")) == (4, 4)


def test_a_point_infinitely_far_outside_a_fixed_range_has_no_mark() -> None:
    options = ChartOptions(y_range=(0.0, 1e-167), legend=False)
    assert "●" not in plain(line_chart([Series("", np.zeros(1), np.array([1e139]))], 30, 12, options))


@pytest.mark.parametrize("log_y", [False, True], ids=["linear", "log"])
@pytest.mark.parametrize("glyphs", GlyphSet)
def test_the_last_bits_of_numbers_do_not_move_a_line(glyphs: GlyphSet, log_y: bool) -> None:
    """Logarithms and moving averages differ by CPU; halfway between two dots that must not decide."""
    chance = np.random.default_rng(1)
    x = np.arange(1.0, 10.0)
    y = np.array([0.5, 0.5, 0.25, 0.75, 0.1, 0.1, 1.0, 0.01, 0.5]) + 0.01 * log_y
    for rows in range(3, 16):
        options = ChartOptions(y_range=(0.01 if log_y else 0.0, 1.0), log_y=log_y, glyphs=glyphs, legend=False)
        chart = line_chart([Series("a", x, y)], 41, rows, options)
        for _ in range(5):
            near = y * (1 + chance.integers(-4, 5, y.size) * 2.0**-52)
            assert line_chart([Series("a", x, near)], 41, rows, options) == chart


@pytest.mark.parametrize("glyphs", GlyphSet)
def test_a_line_on_a_tick_stands_in_the_row_of_its_label(glyphs: GlyphSet) -> None:
    for rows in range(6, 24):
        options = ChartOptions(y_range=(0.0, 1.0), glyphs=glyphs, legend=False)
        chart = line_chart([Series("a", np.array([1.0, 9.0]), np.array([0.5, 0.5]))], 41, rows, options)
        labelled = [number for number, row in enumerate(chart) if plain([row]).strip().startswith("0.5")]
        drawn = [number for number, row in enumerate(chart) if any(span.style == "series0" for span in row)]
        assert not labelled or drawn == labelled, rows
