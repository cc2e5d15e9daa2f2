"""Driver of the dashboard in tests: Textual's pilot presses the keys, and each look waits for what it looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App
from textual.command import Command, CommandList
from textual.pilot import Pilot
from textual.strip import Strip

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.curves.chart import ChartView
from cure_tui.dashboard.rollouts.widget import RolloutList
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.screen import RunScreen


@asynccontextmanager
async def running(app: CureApp, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[str]]:
    """Run the app in a terminal of `size` (columns, rows), from its first own screen on."""
    async with app.run_test(size=size) as pilot:
        # Home comes after the first frame.
        await until(pilot, lambda: len(app.screen_stack) > 1 and app.screen.is_mounted)
        yield pilot


async def until(pilot: Pilot[str], condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until a thread or worker has made `condition` true; fail after `seconds`."""
    for _ in range(round(seconds / 0.05)):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError(f"never came: {condition}")


async def opened(app: CureApp, pilot: Pilot[str]) -> RunScreen:
    """Return the run's screen once the whole journal is read."""
    await until(pilot, lambda: isinstance(app.screen, RunScreen))
    screen = app.screen
    assert isinstance(screen, RunScreen)
    await until(pilot, lambda: screen.newest.state.step >= 1 and not screen.newest.loading)
    await pilot.pause()
    return screen


async def settled(app: App[str], pilot: Pilot[str], seconds: float = 60.0) -> None:
    """Wait until nothing on the screen waits for a thread or a timer: the picture is final."""

    def at_rest() -> bool:
        charts = all(chart.is_settled for chart in app.screen.query(ChartView))
        lists = not any(listed.searching for listed in app.screen.query(RolloutList))
        return charts and lists

    await pilot.pause()
    await until(pilot, at_rest, seconds)
    await pilot.pause()


async def found_in_palette(app: App[Any], pilot: Pilot[str], text: str) -> None:
    """Wait until the palette has found a command whose name holds `text`, and Enter would run it."""

    def best() -> str:
        for listed in app.screen.query(CommandList):
            if listed.highlighted is not None:
                command = listed.get_option_at_index(listed.highlighted)
                return (command.hit.text or "") if isinstance(command, Command) else ""
        return ""

    await until(pilot, lambda: text.lower() in best().lower())


def header_of(screen: RunScreen) -> str:
    return screen.query_one("#header", RowsView).text


def notices(app: App[Any]) -> list[str]:
    """Return the notices on the screen, oldest first. Textual has no public list of them."""
    return [note.message for note in app._notifications]  # noqa: SLF001


def terminal(app: App[Any]) -> list[Strip]:
    """Return the lines that the terminal shows. Textual exports them publicly only as an SVG."""
    return app.screen._compositor.render_strips()  # noqa: SLF001


def on_screen(app: App[Any]) -> str:
    """Return everything that the terminal shows, frames included."""
    return "\n".join(strip.text for strip in terminal(app))
