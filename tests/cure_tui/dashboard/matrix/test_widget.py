"""Pass matrix as a widget: keys and mouse move the cursor, Enter or a double click opens a cell, Escape closes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.events import MouseScrollDown
from textual.pilot import Pilot

from cure_tui.dashboard.matrix.cell_screen import CellScreen
from cure_tui.dashboard.matrix.picture import NOTHING
from cure_tui.dashboard.matrix.widget import MatrixView
from engine.runs.records import MatrixRecord
from tests.cpu_time import plain_loop, quickest
from tests.cure_tui.dashboard.driving import terminal
from tests.cure_tui.dashboard.wall_and_matrix import every_verdict, every_verdict_task, matrix


class MatrixApp(App[None]):
    """App with a matrix that opens chosen cells as the dashboard does."""

    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[tuple[int, int, bool]] = []
        self.seen_last: tuple[int, int, bool] | None = None

    def compose(self) -> ComposeResult:
        yield MatrixView()

    def on_matrix_view_cell_chosen(self, event: MatrixView.CellChosen) -> None:
        self.chosen.append((event.program, event.test, event.is_truth))
        screen = CellScreen(every_verdict_task(), event.program, event.test, event.is_truth)
        self.push_screen(screen, self.note_seen)

    def note_seen(self, cell: tuple[int, int, bool] | None) -> None:
        self.seen_last = cell


@asynccontextmanager
async def showing(
    record: MatrixRecord | None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[MatrixApp, MatrixView, Pilot[None]]]:
    app = MatrixApp()
    async with app.run_test(size=size) as pilot:
        view = app.query_one(MatrixView)
        view.show(record)
        view.focus()
        await pilot.pause()
        yield app, view, pilot


def text(app: MatrixApp) -> str:
    """Return the terminal's text."""
    return "\n".join(strip.text for strip in terminal(app))


async def test_keys_move_the_cursor_and_stop_at_the_edges() -> None:
    async with showing(every_verdict()) as (_, view, pilot):
        expected = {
            "right": (0, 1), "l": (0, 2), "down": (1, 2), "j": (2, 2), "left": (2, 1), "h": (2, 0), "k": (1, 0),
            "up": (0, 0), "end": (0, 2), "pagedown": (5, 2), "home": (5, 0), "g": (0, 0), "G": (5, 0),
        }  # fmt: skip
        for key, cursor in expected.items():
            await pilot.press(key)
            assert view.cursor == cursor, key
        await pilot.press("end", "end", "end", "right", "down")
        assert view.cursor == (5, 8)
        await pilot.press("home")
        assert view.cursor == (5, 3)  # where the generated tests begin


async def test_a_click_moves_the_cursor_to_the_cell_under_it() -> None:
    async with showing(every_verdict()) as (app, view, pilot):
        line = next(y for y in range(24) if view.render_line(y).text.startswith("p3"))
        x = view.render_line(line).text.index("K")
        await pilot.click(MatrixView, offset=(x, line))
        assert view.cursor == (3, 4)
        await pilot.click(MatrixView, offset=(0, 0))
        assert view.cursor == (3, 4)
        assert not app.chosen
        await pilot.double_click(MatrixView, offset=(x, line))
        assert app.chosen == [(3, 1, False)]


async def test_the_wheel_scrolls_and_the_next_key_brings_the_cursor_back() -> None:
    async with showing(matrix(60, 8, 16)) as (_, view, pilot):
        for _ in range(5):
            view.post_message(MouseScrollDown(view, 5, 5, 0, 0, 0, False, False, False))
            await pilot.pause()
        assert view.cursor == (0, 0)
        assert not any(view.render_line(y).text.startswith("p0 ") for y in range(24))
        await pilot.press("right")
        assert any(view.render_line(y).text.startswith("p0 ") for y in range(24))


async def test_a_smaller_matrix_keeps_the_cursor_in_bounds() -> None:
    async with showing(every_verdict()) as (app, view, pilot):
        await pilot.press("G", "end", "end")
        assert view.cursor == (5, 8)
        view.show(None, nothing="nothing yet")
        assert "nothing yet" in "".join(view.render_line(y).text for y in range(24))
        await pilot.press("enter", "down", "end")
        view.show(matrix(2, 1, 1))
        assert view.cursor == (1, 1)
        view.show(matrix(1, 0, 0))
        await pilot.press("enter", "home", "end", "pagedown")
        assert not app.chosen


async def test_without_a_matrix_the_view_says_so() -> None:
    async with showing(None, (60, 10)) as (app, _, _):
        assert NOTHING in text(app)


async def test_enter_opens_a_cell_that_can_be_walked_from_and_closed() -> None:
    async with showing(every_verdict()) as (app, _, pilot):
        await pilot.press("right", "enter")
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, CellScreen)
        assert app.chosen == [(0, 1, True)]
        shown = text(app)
        for part in ("passed", "program p0 on ground-truth test 1", "print(0)", "input", "expected", "got", "7 ms CPU"):
            assert part in shown
        await pilot.press("]", "]")
        assert (screen.detail.test, screen.detail.is_truth) == (0, False)
        await pilot.press("left", "}", "{", "}")
        assert (screen.detail.program, screen.detail.test, screen.detail.is_truth) == (1, 2, True)
        await pilot.press("[", "[", "[", "[")
        assert screen.detail.test == 0
        await pilot.press("escape")
        assert app.seen_last == (1, 0, True)
        assert not isinstance(app.screen, CellScreen)


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)])
async def test_every_cell_can_be_opened_at_any_size(size: tuple[int, int]) -> None:
    async with showing(every_verdict(), size) as (app, view, pilot):
        view.move_to(3, 0, False)
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press(*"]]]]]]}}[[[[[[[[[[")
        assert "program p5" in text(app)


def test_every_key_says_what_it_does() -> None:
    for owner in (MatrixView, CellScreen):
        assert all(isinstance(binding, Binding) and binding.description for binding in owner.BINDINGS)


async def test_a_move_in_a_large_matrix_takes_no_longer_than_70_plain_loops_over_its_cells() -> None:
    async with showing(matrix(64, 8, 200), (120, 40)) as (_, view, _):
        moves = quickest(lambda: view.action_move(1, 1), 20)  # measured: 6 ms, 15 loops
        assert moves < 70 * plain_loop(120, 40)
