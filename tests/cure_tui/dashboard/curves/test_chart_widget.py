"""Chart widget: it draws its newest content, when visible, at most four times a second."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.pilot import Pilot

from cure_tui.charts import QUANTILES, ChartOptions, Series, line_chart
from cure_tui.dashboard.curves import chart as module
from cure_tui.dashboard.curves.chart import PERIOD, ChartView
from cure_tui.drawing.palette import THEMES, styles_of
from cure_tui.drawing.spans import plain
from tests.cure_tui.dashboard.driving import terminal

X = np.arange(100.0)
RISING = Series("reward", X, X / 100, "series2")
OPTIONS = ChartOptions(title="reward", x_label="step")


class ChartApp(App[None]):
    CSS = "#room { width: 60; height: 12; }"

    def compose(self) -> ComposeResult:
        with Container(id="room"):
            yield ChartView()

    def on_mount(self) -> None:
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = "cure-dark"

    @property
    def chart(self) -> ChartView:
        return self.query_one(ChartView)

    def text(self) -> str:
        """Return the terminal's text where the chart is."""
        region = self.chart.region
        lines = terminal(self)[region.y : region.bottom]
        cropped = [line.crop(region.x, region.right).text for line in lines]
        return "\n".join(line.rstrip() for line in cropped)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[ChartApp, Pilot[None]]]:
    app = ChartApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        yield app, pilot


async def wait_until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    for _ in range(3000):
        if holds():
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came true")


def drawn(columns: int, rows: int) -> str:
    return plain(line_chart([RISING], columns, rows, OPTIONS))


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Record the sizes of all pictures made."""
    made: list[tuple[int, int]] = []

    def counted(series, columns, rows, options):  # type: ignore[no-untyped-def]
        made.append((columns, rows))
        return line_chart(series, columns, rows, options)

    monkeypatch.setattr(module, "line_chart", counted)
    return made


async def test_it_shows_the_chart_in_its_size() -> None:
    async with running() as (app, pilot):
        assert "no data yet" in app.text()
        app.chart.show([RISING], OPTIONS)
        await wait_until(pilot, lambda: app.text() == drawn(60, 12))
        assert not app.chart.focusable


def test_it_can_be_filled_before_it_is_on_a_screen() -> None:
    chart = ChartView()
    chart.show([RISING], OPTIONS)
    assert chart.is_settled


async def test_it_follows_its_size() -> None:
    async with running() as (app, pilot):
        app.chart.show([RISING], OPTIONS)
        room = app.query_one("#room")
        room.styles.width, room.styles.height = 44, 8
        await wait_until(pilot, lambda: app.text() == drawn(44, 8))
        room.styles.width, room.styles.height = "100%", "100%"
        await pilot.resize_terminal(30, 6)
        await wait_until(pilot, lambda: app.text() == drawn(30, 6))


@pytest.mark.parametrize("theme", [*THEMES, "textual-light"])
async def test_it_takes_the_colours_of_the_theme(theme: str) -> None:
    async with running() as (app, pilot):
        app.chart.show([RISING], OPTIONS)
        app.theme = theme
        wanted = styles_of(theme)["series2"].color

        def shown() -> bool:
            region = app.chart.region
            lines = terminal(app)[region.y : region.bottom]
            return any(segment.style and segment.style.color == wanted for line in lines for segment in line)

        await wait_until(pilot, shown)


async def test_a_burst_is_drawn_once_and_its_last_picture_stays(drawings: list[tuple[int, int]]) -> None:
    async with running() as (app, pilot):
        await pilot.pause()
        drawings.clear()
        for size in range(1, 101):
            app.chart.show([Series("reward", X[:size], RISING.y[:size], "series2")], OPTIONS)
        await wait_until(pilot, lambda: app.text() == drawn(60, 12))
        assert len(drawings) <= 2  # the first at once, the last PERIOD later


async def test_the_same_picture_is_not_drawn_again(drawings: list[tuple[int, int]]) -> None:
    async with running() as (app, pilot):
        app.chart.show([RISING], OPTIONS)
        await wait_until(pilot, lambda: app.text() == drawn(60, 12))
        drawings.clear()
        app.chart.show([Series("reward", X.copy(), RISING.y.copy(), "series2")], ChartOptions("reward", "step"))
        await pilot.pause(PERIOD + 0.1)
        assert drawings == []
        app.chart.refresh()
        await pilot.pause()
        assert drawings == []


async def test_a_hidden_chart_draws_when_it_appears(drawings: list[tuple[int, int]]) -> None:
    async with running() as (app, pilot):
        app.query_one("#room").display = False
        await pilot.pause()
        drawings.clear()
        app.chart.show([RISING], OPTIONS)
        await pilot.pause(PERIOD + 0.1)
        assert drawings == []
        app.query_one("#room").display = True
        await wait_until(pilot, lambda: app.chart.region.height == 12 and app.text() == drawn(60, 12))


async def test_it_shows_distributions_too() -> None:
    async with running() as (app, pilot):
        lengths = np.random.default_rng(0).lognormal(5, 0.4, (100, 32))
        app.chart.show_bands(X, np.quantile(lengths, QUANTILES, axis=1).T, ChartOptions(title="coder length"))
        await wait_until(pilot, lambda: "coder length" in app.text() and "median" in app.text())
        app.chart.show_histogram(lengths[-1], ChartOptions(title="last step"))
        await wait_until(pilot, lambda: "last step" in app.text() and "n 32" in app.text())
