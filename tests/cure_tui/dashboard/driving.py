"""Drives the dashboard in a test: keys go in through Textual's pilot, and nothing is looked at before it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.app import App
from textual.pilot import Pilot

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.curves.chart import ChartView
from cure_tui.dashboard.rollouts.widget import RolloutList
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.screen import RunScreen
from cure_tui.drawing.spans import plain

Drive = Callable[[CureApp, Pilot[str]], Awaitable[None]]


def drive(app: CureApp, steps: Drive, size: tuple[int, int] = (120, 40)) -> str | None:
    """Runs `steps` against the app in a terminal of `size`; what the app returned."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            # Home comes after the first frame.
            await until(pilot, lambda: len(app.screen_stack) > 1 and app.screen.is_mounted)
            await steps(app, pilot)

    asyncio.run(run())
    return app.return_value


async def until(pilot: Pilot[str], condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Waits for the watcher's thread or a worker; says what was awaited where it never comes."""
    for _ in range(round(seconds / 0.05)):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError(f"never came: {condition}")


async def opened(app: CureApp, pilot: Pilot[str]) -> RunScreen:
    """The run's screen with the whole journal read."""
    await until(pilot, lambda: isinstance(app.screen, RunScreen))
    screen = app.screen
    assert isinstance(screen, RunScreen)
    await until(pilot, lambda: screen._newest.state.step >= 1 and not screen._newest.loading)
    await pilot.pause()
    return screen


async def settled(app: App[str], pilot: Pilot[str], seconds: float = 30.0) -> None:
    """Until nothing on the screen waits for a thread or a timer any more: the picture is the last one."""

    def at_rest() -> bool:
        charts = all(chart._next is None for chart in app.screen.query(ChartView))
        lists = not any(listed._searching for listed in app.screen.query(RolloutList))
        return charts and lists

    await pilot.pause()
    await until(pilot, at_rest, seconds)
    await pilot.pause()


def header_of(screen: RunScreen) -> str:
    return plain(screen.query_one("#header", RowsView)._rows)


def on_screen(app: App[str]) -> str:
    """Everything that the terminal shows, frames included."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
