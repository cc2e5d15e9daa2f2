"""Exports read back: tables to the last digit, pictures as XML with all series in them."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree

import numpy as np
import pytest

from cure_tui.charts import ChartOptions, Series, to_csv, to_svg

SVG = "{http://www.w3.org/2000/svg}"


def polylines(svg: str) -> list[list[tuple[float, float]]]:
    found = ElementTree.fromstring(svg.encode()).iter(f"{SVG}polyline")
    return [[tuple(map(float, pair.split(","))) for pair in each.attrib["points"].split()] for each in found]  # type: ignore[misc]


def test_a_table_reads_back_to_the_last_digit() -> None:
    x = np.arange(50.0)
    y = np.random.default_rng(0).normal(size=50)
    y[3] = np.nan
    header, *rows = csv.reader(io.StringIO(to_csv([Series('a, "b"\n', x, y)], "step")))
    assert header == ["step", 'a, "b"\n']
    np.testing.assert_array_equal([float(row[0]) for row in rows], x)
    np.testing.assert_array_equal([float(row[1]) if row[1] else np.nan for row in rows], y)


def test_a_table_is_wide_over_every_x_of_any_series() -> None:
    first = Series("loss", np.array([1.0, 2, 2, 4]), np.array([0.5, 0.25, 0.75, np.inf]))
    second = Series("loss", np.array([0.0, 2]), np.array([1e-9, 3]))
    assert to_csv([first, second]) == "x,loss,loss (2)\n0,,1e-09\n1,0.5,\n2,0.25,3\n2,0.75,\n4,inf,\n"


def test_a_picture_is_valid_xml_whatever_the_names() -> None:
    name = "<b> & \"quoted\" 'x' \x00\ud800 模型"
    root = ElementTree.fromstring(to_svg([Series(name, np.arange(3.0), np.arange(3.0))], 600, 300,
                                         ChartOptions(title=name, x_label=name)).encode())  # fmt: skip
    assert (root.attrib["width"], root.attrib["height"]) == ("600", "300")
    assert any("<b> & \"quoted\" 'x' ·· 模型" in "".join(each.itertext()) for each in root.iter(f"{SVG}text"))


def test_a_gap_parts_the_polyline() -> None:
    y = np.array([0, 1, np.nan, 2, 3, np.nan, 4])
    lengths = [len(each) for each in polylines(to_svg([Series("a", np.arange(7.0), y)], 600, 300))]
    assert lengths == [2, 2, 2]  # the last is a dot: a line of no length


def test_points_lie_where_the_axes_say() -> None:
    svg = to_svg([Series("a", np.array([0.0, 5, 10]), np.array([0.0, 1, 0]))], 600, 300)
    ((start, peak, end),) = polylines(svg)
    assert start[0] < peak[0] < end[0]
    assert peak[0] - start[0] == pytest.approx(end[0] - peak[0], abs=0.02)
    assert start[1] == end[1] > peak[1]


def test_smoothing_draws_the_raw_points_beneath() -> None:
    noise = np.random.default_rng(0).normal(size=40)
    raw, smooth = polylines(to_svg([Series("a", np.arange(40.0), noise)], 600, 300, ChartOptions(smoothing=0.9)))
    assert len(raw) == len(smooth) == 40
    assert np.ptp([y for _, y in smooth]) < np.ptp([y for _, y in raw])


def test_a_spike_survives_in_a_dense_picture() -> None:
    y = np.zeros(50_000)
    y[31_234] = 1.0
    svg = to_svg([Series("a", np.arange(50_000.0), y)], 600, 300)
    (line,) = polylines(svg)
    assert len(line) < 4 * 600
    assert min(y for _, y in line) < min(y for _, y in line[:100])


def test_nothing_to_draw_is_said() -> None:
    assert "no data" in to_svg([], 600, 300)
