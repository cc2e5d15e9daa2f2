"""Values under a cursor are those of the data; a range of x moves no value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cure_tui.charts import (
    ChartOptions,
    GlyphSet,
    Reading,
    Series,
    best_of,
    line_chart,
    moved_stop,
    nearest_stop,
    stops,
    to_svg,
    value_at,
    x_at,
)
from cure_tui.charts.series import points
from cure_tui.charts.ticks import format_value
from cure_tui.drawing.spans import plain

X = np.arange(1.0, 218.0)
Y = np.random.default_rng(5).uniform(0.1, 0.9, 217)
STEPS = Series("code", X, np.where(X == 50, np.nan, Y), "series0", better=1)
EVALUATED = Series("held out", np.array([0.0, 100.0, 200.0]), np.array([0.25, 0.5, 0.125]), "series1", better=-1)
OPTIONS = ChartOptions(title="accuracy", x_label="step")


def read(series: Series, x: float | None) -> Reading | None:
    return value_at(series, points(series.x, series.y), x)


def test_a_value_is_that_of_the_point_or_of_the_last_one_before_it() -> None:
    assert read(STEPS, 7.0) == Reading(7.0, Y[6])
    assert read(STEPS, None) == Reading(217.0, Y[-1])
    assert read(EVALUATED, 150.0) == Reading(100.0, 0.5)


@pytest.mark.parametrize(("series", "x"), [(STEPS, 50.0), (STEPS, 0.0), (STEPS, 218.0), (EVALUATED, 201.0)])
def test_a_gap_and_a_place_outside_of_the_line_have_no_value(series: Series, x: float) -> None:
    assert read(series, x) is None


def test_the_best_value_is_the_first_of_equals_by_what_is_better() -> None:
    assert best_of(EVALUATED, points(EVALUATED.x, EVALUATED.y)) == Reading(200.0, 0.125)
    twice = Series("a", X[:4], np.array([0.1, 0.7, 0.7, 0.2]), better=1)
    assert best_of(twice, points(twice.x, twice.y)) == Reading(2.0, 0.7)
    assert best_of(replace(twice, better=0), points(twice.x, twice.y)) is None


def test_a_cursor_moves_from_point_to_point_and_stays_on_the_chart() -> None:
    places = stops([STEPS, EVALUATED])
    assert (places[0], places[-1], len(places)) == (0.0, 217.0, 217)
    assert 50.0 not in places
    assert [moved_stop(places, at, by) for at, by in ((None, -1), (49.0, 1), (51.0, -1), (217.0, 1), (0.0, -1))] == [
        217.0, 51.0, 49.0, 217.0, 0.0,
    ]  # fmt: skip
    assert moved_stop(places, 50.4, 1) == 51.0
    assert nearest_stop(places, 49.9) == 49.0
    assert moved_stop(np.zeros(0), None, 1) is None
    assert len(stops([replace(STEPS, hidden=True), EVALUATED])) == 3


@pytest.mark.parametrize("glyphs", GlyphSet)
@pytest.mark.parametrize("x_range", [None, (30.0, 60.0)])
def test_a_column_of_the_plot_is_an_x_and_a_cursor_there_reads_it(
    glyphs: GlyphSet, x_range: tuple[float, float] | None
) -> None:
    options = replace(OPTIONS, glyphs=glyphs, x_range=x_range, smoothing=0.9)
    assert x_at([STEPS], 80, 12, options, 0) is None
    low, high = x_range or (1.0, 217.0)
    assert x_at([STEPS], 80, 12, options, 79) == pytest.approx(high)
    for column in range(10, 80, 7):
        x = x_at([STEPS], 80, 12, options, column)
        assert x is not None
        assert low <= x <= high
        at = nearest_stop(stops([STEPS], x_range), x)
        drawn = plain(line_chart([STEPS, EVALUATED], 80, 12, replace(options, cursor_x=at)))
        found = read(STEPS, at)
        assert found is not None
        assert f"step {at:.0f}" in drawn
        assert f"code {format_value(found.y)}" in drawn


def test_a_range_of_x_changes_neither_the_newest_value_nor_the_smoothing() -> None:
    part = replace(OPTIONS, x_range=(100.0, 120.0), smoothing=0.97)
    drawn = plain(line_chart([STEPS], 80, 12, part))
    assert format_value(float(Y[-1])) in drawn
    assert "120" in drawn.splitlines()[-1]
    assert "217" not in drawn
    assert "<svg" in to_svg([STEPS], 600, 300, part)
    assert plain(line_chart([STEPS], 40, 8, replace(part, x_range=(400.0, 500.0)))).strip().endswith("no data yet")


@pytest.mark.parametrize("last", [7, 41, 99, 217, 12_345])
@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_axis_says_how_far_the_data_go(last: int, columns: int) -> None:
    x = np.arange(1.0, last + 1.0)
    drawn = plain(line_chart([Series("a", x, np.sin(x))], columns, 10, OPTIONS)).splitlines()
    assert format_value(float(last)) in drawn[-1].replace("step", " ").split()
    assert drawn[-2].endswith("┬")


def test_a_hidden_line_leaves_marker_and_colour_to_the_others() -> None:
    both, one = (
        plain(line_chart([replace(STEPS, hidden=hidden), EVALUATED], 80, 12, OPTIONS)) for hidden in (False, True)
    )
    assert "● code" in both
    assert "▲ held out" in both
    assert "code" not in one
    assert "●" not in one
    assert "▲ held out" in one


@pytest.mark.parametrize(("glyphs", "star"), [(GlyphSet.BRAILLE, "★"), (GlyphSet.ASCII, "^")])
def test_the_best_point_is_marked_once(glyphs: GlyphSet, star: str) -> None:
    drawn = plain(line_chart([STEPS], 80, 12, replace(OPTIONS, glyphs=glyphs)))
    assert drawn.count(star) == 1
    assert star not in plain(line_chart([replace(STEPS, better=0)], 80, 12, replace(OPTIONS, glyphs=glyphs)))
