"""A solve of 128 programs and 128 tests: no frame of a view costs more for the cells that have gone before."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cure_tui.dashboard.matrix.widget import MatrixView
from cure_tui.solving.full import SolveApp
from cure_tui.solving.picture import solve_rows
from cure_tui.solving.record import solve_reading
from engine.solve.events import Event, SolveState
from engine.solve.strategies.ranking import ranked
from tests.benchmarks.solving import overhead
from tests.cpu_time import plain_loop, quickest
from tests.cure_tui.dashboard.driving import until
from tests.cure_tui.solving.test_solve_full_view import READY, Told, head

SIZE = 128


def told() -> Iterator[Event]:
    """Yield the events of a full matrix, cell by cell, in the order of a real one: column after column."""
    yield {"event": "problem", "number": 0, "id": "large", "statement": "", "public": [{"input": "e", "output": "1"}]}
    for row in range(SIZE):
        why = "no_block" if row % 9 == 0 else ""
        yield {"event": "program", "row": row, "source": "" if why else f"p{row}", "rejected": why, "answer": why}
        yield {"event": "test", "column": row, "input": f"i{row}", "output": "1"}
        yield {"event": "leads", "row": row}
    for column in range(-1, SIZE):
        for row in range(SIZE):
            if row % 9:
                passed = (row * column) % 7 != 3
                yield {
                    "event": "verdict", "row": row, "public": column < 0, "column": max(column, 0), "passed": passed,
                    "status": "ok" if passed else "runtime_error", "got": "1" * 200,
                }  # fmt: skip


def full_state() -> SolveState:
    state = SolveState(coder="nano")
    for event in told():
        state = state.next_problem(event) if event["event"] == "problem" else state
        state.take(event)
    return state


def test_a_frame_of_a_large_matrix_takes_less_than_a_plain_loop_over_its_cells() -> None:
    state = full_state()
    assert state.ranking() == ranked(state.matrix())
    loop = plain_loop(SIZE, SIZE)
    assert quickest(lambda: solve_rows(state, 1.0, 200)) < 2 * loop
    assert quickest(lambda: solve_reading(state)) < 5 * loop


def test_all_but_sampling_and_executing_takes_less_than_five_seconds() -> None:
    engine, client, _ = overhead(SIZE)
    assert engine + client < 5.0
    assert sum(overhead(16)[:2]) < 1.0


class Flooding(Told):
    """Stub of a solving process whose events all come as quickly as they are read, in batches."""

    def batches(self, seconds: float | None) -> Iterator[list[Event]]:
        events = [READY, *told()]
        for start in range(0, len(events), 300):
            yield events[start : start + 300]
        while not self.finishing:
            yield from super().batches(seconds)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_the_full_view_lives_while_a_large_matrix_fills(size: tuple[int, int]) -> None:
    app = SolveApp(Flooding({"event": "wait"}), ["p.md"])  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "p127 leads" in head(app))
        view = app.query_one(MatrixView)
        await asyncio.wait_for(pilot.press("end", "ctrl+end", "left"), 30)
        assert view.cursor == (SIZE - 1, SIZE - 1)
        await pilot.press("q")
        await until(pilot, lambda: "finishing" in head(app))
