"""The footer shows the keys of the moment, and is made anew only when they change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.widgets import Button
from textual.widgets._footer import FooterKey

from cure_tui.widgets.keys_line import KeysLine
from tests.cure_tui.driving import until


class Counted(KeysLine):
    made = 0

    async def recompose(self) -> None:
        self.made += 1
        await super().recompose()


class Keyed(App[str]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "one", "One"), Binding("b", "two", "Two", show=False)]
    one_holds = True

    def compose(self) -> ComposeResult:
        yield Button("press")
        yield Button("or")
        yield Counted()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return (True if self.one_holds else None) if action == "one" else True

    @property
    def keys(self) -> dict[str, bool]:
        """What is shown, and whether it can be pressed."""
        return {key.description: not key.has_class("-disabled") for key in self.query(FooterKey)}


def drive(steps: Callable[[Keyed, Pilot[str]], Awaitable[None]]) -> None:
    async def run() -> None:
        app = Keyed()
        async with app.run_test() as pilot:
            await until(pilot, lambda: app.keys.get("One"))
            await steps(app, pilot)

    asyncio.run(run())


@pytest.mark.parametrize("looks", [1, 5])
def test_it_is_made_once_however_often_the_bindings_are_looked_at(looks: int) -> None:
    async def steps(app: Keyed, pilot: Pilot[str]) -> None:
        line = app.query_one(Counted)
        made = line.made
        for _ in range(looks):
            app.refresh_bindings()
            await pilot.pause(0.05)
        await pilot.press("tab")  # to another button, with the same keys
        await pilot.pause(0.05)
        assert line.made == made

    drive(steps)


def test_keys_that_are_disabled_and_enabled_again_are_shown_so() -> None:
    async def steps(app: Keyed, pilot: Pilot[str]) -> None:
        app.one_holds = False
        app.refresh_bindings()
        await until(pilot, lambda: not app.keys["One"])
        app.one_holds = True
        app.refresh_bindings()
        await until(pilot, lambda: app.keys["One"])
        assert "Two" not in app.keys

    drive(steps)
