"""Cache of a chart's prepared points: computed once, never taken for other arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cure_tui.charts import ChartOptions, Series, line, line_chart
from cure_tui.charts.smoothing import smoothed
from cure_tui.drawing.spans import plain

OPTIONS = ChartOptions(smoothing=0.9)


def picture(series: Series, options: ChartOptions = OPTIONS) -> str:
    return plain(line_chart([series], 60, 12, options))


def test_moving_the_cursor_smooths_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return smoothed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(line, "smoothed", counted)
    x, y = np.arange(100.0), np.random.default_rng(0).random(100)
    pictures = {picture(Series("a", x, y), replace(OPTIONS, cursor_x=at)) for at in (3.0, 40.0, 77.0)}
    assert (len(pictures), len(calls)) == (3, 1)
    picture(Series("a", x, y), replace(OPTIONS, cursor_x=3.0, smoothing=0.5))
    picture(Series("a", x, y), replace(OPTIONS, cursor_x=3.0, log_y=True))
    assert len(calls) == 3


def test_arrays_that_come_and_go_are_never_taken_for_one_another() -> None:
    x = np.arange(50.0)
    seen = {picture(Series("a", x, np.sin(x / period))) for period in range(1, 200)}
    again = {picture(Series("a", x.copy(), np.sin(x / period))) for period in range(199, 0, -1)}
    assert seen == again
    assert len(seen) > 50
