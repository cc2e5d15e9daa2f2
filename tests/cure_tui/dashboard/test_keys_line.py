"""Line of keys: it shows the current ones, is redrawn only when they change, and can be clicked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Button

from cure_tui.dashboard.keys_line import HELP, KeysLine
from tests.cure_tui.dashboard.driving import until


class Counted(KeysLine):
    drawn = 0

    def render_line(self, y: int) -> Strip:
        self.drawn += 1
        return super().render_line(y)


class Keyed(App[str]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a,x", "one", "One"),
        Binding("b", "two", "Two", show=False),
        Binding("c", "three", "Three"),
    ]
    one_holds = True

    def __init__(self) -> None:
        super().__init__()
        self.pressed: list[str] = []

    def compose(self) -> ComposeResult:
        yield Button("press")
        yield Button("or")
        yield Counted(with_palette=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return (True if self.one_holds else None) if action == "one" else True

    def action_one(self) -> None:
        self.pressed.append("one")

    def action_three(self) -> None:
        self.pressed.append("three")

    @property
    def line(self) -> Counted:
        return self.query_one(Counted)

    @property
    def keys(self) -> dict[str, bool]:
        """Keys on the line, each with whether it can be pressed."""
        return {key.does: key.enabled for key in self.line.keys}

    @property
    def text(self) -> str:
        return self.line.render_line(0).text


class WithHelp(Keyed):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark", HELP, "Help")]

    def action_toggle_help(self) -> None:
        self.pressed.append("help")


@asynccontextmanager
async def running(columns: int = 80, kind: type[Keyed] = Keyed) -> AsyncIterator[tuple[Keyed, Pilot[str]]]:
    app = kind()
    async with app.run_test(size=(columns, 24)) as pilot:
        await until(pilot, lambda: app.keys.get("One") or columns < 7)  # no key fits into six columns
        yield app, pilot


@pytest.mark.parametrize("looks", [1, 5])
async def test_it_is_drawn_once_however_often_the_bindings_are_looked_at(looks: int) -> None:
    async with running() as (app, pilot):
        await until(pilot, lambda: app.line.drawn)
        await pilot.pause()
        drawn = app.line.drawn
        for _ in range(looks):
            app.refresh_bindings()
            await pilot.pause(0.05)
        await pilot.press("tab")  # to another button, with the same keys
        await pilot.pause(0.05)
        assert app.line.drawn == drawn


async def test_keys_that_are_disabled_and_enabled_again_are_shown_so() -> None:
    async with running() as (app, pilot):
        app.one_holds = False
        app.refresh_bindings()
        await until(pilot, lambda: not app.keys["One"])
        app.one_holds = True
        app.refresh_bindings()
        await until(pilot, lambda: app.keys["One"])
        assert "Two" not in app.keys


async def test_each_action_stands_there_once_and_the_palette_at_the_right_end() -> None:
    async with running() as (app, _):
        assert app.text.startswith(" a One  c Three ")
        assert app.text.endswith("▏ ^p palette ")
        assert len(app.text) == 80


@pytest.mark.parametrize("columns", [1, 5, 13, 14, 20])
async def test_a_narrow_terminal_cuts_it(columns: int) -> None:
    async with running(columns) as (app, _):
        assert len(app.text) == columns


async def test_where_keys_have_no_room_whole_ones_go_and_help_stays() -> None:
    async with running(17, WithHelp) as (app, pilot):
        assert app.text == " a One  ▏ ? Help "
        app.pressed.clear()
        await pilot.click(Counted, offset=(12, 0))
        await until(pilot, lambda: app.pressed == ["help"])
        await pilot.resize_terminal(23, 24)
        await until(pilot, lambda: app.text == " a One  c Three  ? Help")


async def test_the_palette_gives_way_to_the_other_keys() -> None:
    async with running(28) as (app, pilot):
        assert app.text.rstrip() == " a One  c Three"
        await pilot.resize_terminal(29, 24)
        await until(pilot, lambda: app.text == " a One  c Three ▏ ^p palette ")


async def test_a_click_presses_the_key_that_it_hits() -> None:
    async with running() as (app, pilot):
        for x in (0, 6, 7, 15):
            assert await pilot.click(Counted, offset=(x, 0))
        await until(pilot, lambda: len(app.pressed) == 4)
        assert app.pressed == ["one", "one", "three", "three"]
        await pilot.click(Counted, offset=(40, 0))  # nothing is there
        app.one_holds = False
        app.refresh_bindings()
        await until(pilot, lambda: not app.keys["One"])
        await pilot.click(Counted, offset=(1, 0))
        await pilot.pause(0.05)
        assert len(app.pressed) == 4
        await pilot.click(Counted, offset=(75, 0))
        await until(pilot, lambda: "CommandPalette" in type(app.screen).__name__)


async def test_the_key_under_the_mouse_stands_out_and_tells_more() -> None:
    async with running() as (app, pilot):

        def backgrounds() -> list[object]:
            return [segment.style.bgcolor for segment in app.line.render_line(0) if segment.style]

        plain = backgrounds()
        await pilot.hover(Counted, offset=(8, 0))
        await until(pilot, lambda: app.line.tooltip == "Three")
        assert [number for number, colour in enumerate(backgrounds()) if colour != plain[number]] == [2, 3]
        await pilot.hover(Button)
        await until(pilot, lambda: app.line.tooltip is None)
        assert backgrounds() == plain
