"""`cure-tui solve --ui full`: the matrix fills, cells open, leaving concludes first; and what is handed over then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from textual.pilot import Pilot

from cure_tui.dashboard.matrix.cell_screen import CellScreen
from cure_tui.dashboard.matrix.widget import MatrixView
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.spans import plain
from cure_tui.solving.full import SolveApp
from engine.errors import RunError
from engine.solve.events import Event, SolveState
from tests.cure_tui.dashboard.driving import until

READY = {"event": "ready", "coder": "nano", "tester": "nano", "sandbox": "A"}
FAULT = {"event": "fault", "message": "the server is gone", "remedy": "start it", "status": 6}


class Told:
    """In the place of the process that solves: tells what it is given, up to "wait", and after that when asked to."""

    def __init__(self, *events: Event) -> None:
        self._events, self.asked = events, 0

    def events(self) -> Iterator[Event]:
        for event in self._events:
            while event["event"] == "wait" and not self.asked:
                time.sleep(0.01)
            if event["event"] != "wait":
                yield event

    def conclude(self) -> bool:
        self.asked += 1
        return self.asked == 1


class Lost(Told):
    """A process that ends without its last word."""

    def events(self) -> Iterator[Event]:
        yield READY
        raise RunError("solving ended with status -9", "report this")


def problem(number: int = 0) -> list[Event]:
    """Two programs, the second right, an example and two tests, of which the second is wrong."""
    told: list[Event] = [
        {"event": "problem", "number": number, "id": f"double-{number}", "statement": "Print a * 2.",
         "public": [{"input": "1\n", "output": "2"}]},
        {"event": "program", "row": 0, "source": "print(3)", "rejected": ""},
        {"event": "program", "row": 1, "source": "print(int(input()) * 2)", "rejected": ""},
        {"event": "test", "column": 0, "input": "2\n", "output": "4"},
        {"event": "test", "column": None, "input": "", "output": ""},
        {"event": "test", "column": 1, "input": "3\n", "output": "7"},
    ]  # fmt: skip
    for row, got in ((0, ("3", "3", "3")), (1, ("2", "4", "6"))):
        for place, (public, column, expected) in enumerate(((True, 0, "2"), (False, 0, "4"), (False, 1, "7"))):
            told.append(
                {"event": "verdict", "row": row, "public": public, "column": column, "passed": got[place] == expected,
                 "status": "ok", "got": got[place]}
            )  # fmt: skip
    return [*told, {"event": "leads", "row": 1}]


def solution() -> Event:
    candidates = [
        {"source": source, "rejected": "", "public": [right], "tests": [right, False], "votes": int(right)}
        for source, right in (("print(3)", False), ("print(int(input()) * 2)", True))
    ]
    return {
        "event": "solution",
        "solution": {
            "support": "weak", "program": "print(int(input()) * 2)", "chosen": 1, "agreement": 0.5, "disputed": [0, 1],
            "ended": "", "malformed_tests": 1, "candidates": candidates,
            "public": [{"input": "1\n", "output": "2"}],
            "tests": [{"input": "2\n", "output": "4"}, {"input": "3\n", "output": "7"}],
            "spent": {"seconds": 1.0, "tokens": 40, "dollars": 0.0},
        },
    }  # fmt: skip


def drive(app: SolveApp, steps: Callable[[Pilot[list[SolveState]]], Awaitable[None]]) -> list[SolveState]:
    async def run() -> None:
        async with app.run_test(size=(120, 32)) as pilot:
            await steps(pilot)

    asyncio.run(run())
    return app.return_value or []


def head(app: SolveApp) -> str:
    return plain(app.query_one("#head", RowsView)._rows)


def app_on(*events: Event, problems: int = 1) -> tuple[SolveApp, Told]:
    told = Told(*events)
    return SolveApp(told, [f"p{number}.md" for number in range(problems)]), told  # type: ignore[arg-type]


def test_the_matrix_fills_a_cell_opens_and_leaving_hands_over_what_was_found() -> None:
    app, told = app_on(READY, *problem(), {"event": "wait"}, solution())

    async def steps(pilot: Pilot[list[SolveState]]) -> None:
        await until(pilot, lambda: "p1 leads" in head(app))
        assert "2 programs  2 tests (+1 malformed)" in head(app)
        view = app.query_one(MatrixView)
        assert (view._reading and view._reading.n, view._reading and view._reading.m) == (2, 2)
        view.move_to(1, 1, False)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CellScreen))
        assert isinstance(app.screen, CellScreen)
        detail = app.screen.detail
        assert (detail.source, detail.input, detail.expected, detail.got) == (
            "print(int(input()) * 2)", "3\n", "7", "6",
        )  # fmt: skip
        await pilot.press("escape", "q")
        await until(pilot, lambda: "weak: passes 1 of 1 examples and 1 of 2 tests" in head(app))
        assert told.asked == 1
        await pilot.press("q")

    (state,) = drive(app, steps)
    assert state.solution is not None
    assert state.solution["program"] == "print(int(input()) * 2)"


def test_a_warning_is_shown_and_left_for_the_caller() -> None:
    app, _ = app_on({"event": "warning", "text": "step-000003 is corrupt"}, READY, *problem(), solution())

    async def steps(pilot: Pilot[list[SolveState]]) -> None:
        await until(pilot, lambda: bool(app._notifications))
        assert [note.message for note in app._notifications] == ["step-000003 is corrupt"]
        await until(pilot, lambda: "weak: passes" in head(app))
        await pilot.press("q")

    drive(app, steps)
    assert app.warnings == ["step-000003 is corrupt"]


def test_several_problems_are_turned_like_pages() -> None:
    app, _ = app_on(READY, *problem(0), solution(), *problem(1), FAULT, problems=2)

    async def steps(pilot: Pilot[list[SolveState]]) -> None:
        await until(pilot, lambda: "double-1" in head(app) and "the server is gone" in head(app))
        await pilot.press("[")
        await until(pilot, lambda: "double-0" in head(app) and "weak" in head(app))
        await pilot.press("[", "]")
        await until(pilot, lambda: "double-1" in head(app))
        await pilot.press("q")

    states = drive(app, steps)
    assert [state.solution is not None for state in states] == [True, False]
    assert app.faults == {1: ("the server is gone (start it)", 6)}
    assert app.fault is None


def test_a_fault_before_anything_is_solved_ends_the_view_and_is_raised_by_the_caller() -> None:
    app, _ = app_on(FAULT)

    async def steps(pilot: Pilot[list[SolveState]]) -> None:
        await until(pilot, lambda: app.fault)

    drive(app, steps)
    assert app.fault is not None
    assert app.fault.exit_status == 6

    lost = SolveApp(Lost(), ["p.md"])  # type: ignore[arg-type]
    drive(lost, steps=lambda pilot: until(pilot, lambda: lost.fault))
    assert "status -9" in str(lost.fault)
