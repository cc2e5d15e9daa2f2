"""`cure-tui solve --ui full`: the matrix fills, cells open, leaving concludes first and returns the results."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator

import pytest

from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.matrix.cell_screen import CellScreen
from cure_tui.dashboard.matrix.widget import MatrixView
from cure_tui.dashboard.rows import RowsView
from cure_tui.solving.answer_screen import AnswerScreen
from cure_tui.solving.full import SolveApp
from engine.errors import RunError
from engine.solve.events import Event
from tests.cure_tui.dashboard.driving import notices, until

READY = {"event": "ready", "coder": "nano", "tester": "nano", "sandbox": "A"}
FAULT = {"event": "fault", "message": "the server is gone", "remedy": "start it", "status": 6}


class Told:
    """Stub of the solving process: it sends its events up to "wait", and the rest on request."""

    def __init__(self, *events: Event) -> None:
        self._events, self.asked = events, 0

    def batches(self, seconds: float | None) -> Iterator[list[Event]]:
        for event in self._events:
            while event["event"] == "wait" and not self.asked:
                time.sleep(0.01)
            if event["event"] != "wait":
                yield [event]

    @property
    def finishing(self) -> bool:
        return self.asked > 0

    def conclude(self) -> bool:
        self.asked += 1
        return self.asked == 1


class Lost(Told):
    """Stub of a solving process that dies without its last event."""

    def batches(self, seconds: float | None) -> Iterator[list[Event]]:
        yield [READY]
        raise RunError("solving ended with status -9", "report this")


def problem(number: int = 0) -> list[Event]:
    """Return a problem with two programs, the second correct, an example and two tests, the second wrong."""
    told: list[Event] = [
        {"event": "problem", "number": number, "id": f"double-{number}", "statement": "Print a * 2.",
         "public": [{"input": "1\n", "output": "2"}]},
        {"event": "program", "row": 0, "source": "print(3)", "rejected": "", "answer": ""},
        {"event": "program", "row": 1, "source": "print(int(input()) * 2)", "rejected": "", "answer": ""},
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


def head(app: SolveApp) -> str:
    return app.query_one("#head", RowsView).text


def app_on(*events: Event, problems: int = 1) -> tuple[SolveApp, Told]:
    told = Told(*events)
    return SolveApp(told, [f"p{number}.md" for number in range(problems)]), told  # type: ignore[arg-type]


async def test_the_matrix_fills_a_cell_opens_and_leaving_hands_over_what_was_found() -> None:
    app, told = app_on(READY, *problem(), {"event": "wait"}, solution())
    async with app.run_test(size=(120, 32)) as pilot:
        await until(pilot, lambda: "p1 leads" in head(app))
        assert "2 programs  2 tests (+1 malformed)" in head(app)
        view = app.query_one(MatrixView)
        view.move_to(9, 9, is_truth=False)  # as far as there are cells
        assert view.cursor == (1, 2)
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
    assert app.return_value is not None
    (state,) = app.return_value
    assert state.solution is not None
    assert state.solution["program"] == "print(int(input()) * 2)"


async def test_a_warning_is_shown_and_left_for_the_caller() -> None:
    app, _ = app_on({"event": "warning", "text": "step-000003 is corrupt"}, READY, *problem(), solution())
    async with app.run_test(size=(120, 32)) as pilot:
        await until(pilot, lambda: notices(app))
        assert notices(app) == ["step-000003 is corrupt"]
        await until(pilot, lambda: "weak: passes" in head(app))
        await pilot.press("q")
    assert app.warnings == ["step-000003 is corrupt"]


async def test_several_problems_are_turned_like_pages() -> None:
    app, _ = app_on(READY, *problem(0), solution(), *problem(1), FAULT, problems=2)
    async with app.run_test(size=(120, 32)) as pilot:
        await until(pilot, lambda: "double-1" in head(app) and "the server is gone" in head(app))
        await pilot.press("[")
        await until(pilot, lambda: "double-0" in head(app) and "weak" in head(app))
        await pilot.press("[", "]")
        await until(pilot, lambda: "double-1" in head(app))
        await pilot.press("q")
    assert [state.solution is not None for state in app.return_value or []] == [True, False]
    assert app.faults == {1: ("the server is gone (start it)", 6)}
    assert app.fault is None


async def test_a_fault_before_anything_is_solved_ends_the_view_and_is_raised_by_the_caller() -> None:
    app, _ = app_on(FAULT)
    async with app.run_test(size=(120, 32)) as pilot:
        await until(pilot, lambda: app.fault)
    assert app.fault is not None
    assert app.fault.exit_status == 6

    lost = SolveApp(Lost(), ["p.md"])  # type: ignore[arg-type]
    async with lost.run_test() as pilot:
        await until(pilot, lambda: lost.fault)
    assert "status -9" in str(lost.fault)


def rejected(row: int, reason: str, answer: str) -> Event:
    return {"event": "program", "row": row, "source": "", "rejected": reason, "answer": answer}


def nothing_found(rows: int) -> Event:
    (candidate,) = [{"source": None, "rejected": "no_block", "public": [False], "tests": [], "votes": 0}]
    told = solution()
    told["solution"] |= {"support": "none", "program": None, "chosen": None, "agreement": 0.0, "disputed": []}
    told["solution"] |= {"candidates": [candidate] * rows, "tests": []}
    return told


def shown(app: SolveApp) -> str:
    """Return all text on the screen, with that of a screen on top."""
    return html.unescape(re.sub(r"<[^>]*>", "", app.export_screenshot())).replace("\xa0", " ")


async def test_only_examples_votes_and_disputes_are_spoken_of() -> None:
    app, _ = app_on(READY, *problem(), solution())
    said = []
    async with app.run_test(size=(120, 32)) as pilot:
        await until(pilot, lambda: "weak" in head(app))
        for column in range(3):
            app.query_one(MatrixView).move_to(0, column, is_truth=True)
            await pilot.pause()
            said.append(shown(app))
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, CellScreen))
            said.append(shown(app))
            await pilot.press("escape")
            await pilot.pause()
    words = " ".join(said).lower()
    for unknown in ("ground truth", "ground-truth", "correct", "wrong", "right"):
        assert unknown not in words
    for known in ("examples", "votes", "disputed", "passes the examples", "other output"):
        assert known in words


@pytest.mark.parametrize("examples", [True, False], ids=["an example", "no tests at all"])
async def test_answers_without_a_program_say_why_and_enter_shows_them(examples: bool) -> None:
    begin = problem()[0] | ({} if examples else {"public": []})
    end = nothing_found(3)
    answers = [
        rejected(0, "no_block", "I cannot.\x1b[31m"),
        rejected(1, "unclosed_block", "```python\nprint("),
        rejected(2, "no_block", ""),
    ]
    app, _ = app_on(READY, begin, *answers, end)
    async with app.run_test(size=(120, 32)) as pilot:
        await until(pilot, lambda: "no program runs" in head(app))
        await pilot.pause()
        assert "2 without a block of Python" in shown(app)
        assert "1 with a block that never ends" in shown(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AnswerScreen))
        assert "p0: no program (answer without a block of Python)" in shown(app)
        assert "I cannot.·[31m" in shown(app)
        await pilot.press("escape", "down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, AnswerScreen))
        assert "(the answer is empty)" in shown(app)


def footer(app: SolveApp) -> list[str]:
    return [key.does for key in app.query_one(KeysLine).keys if key.enabled]


async def test_the_footer_says_what_the_keys_do_now() -> None:
    app, told = app_on(READY, *problem(0), {"event": "wait"}, solution(), problems=2)
    async with app.run_test(size=(120, 32)) as pilot:
        await until(pilot, lambda: "p1 leads" in head(app))
        await pilot.pause()
        assert footer(app) == ["Open the cell", "Finish, then quit"]  # there is no other problem yet
        told.asked = 1
        app.refresh_bindings()
        await until(pilot, lambda: "weak" in head(app))
        await pilot.pause()
        assert footer(app) == ["Open the cell", "Quit"]
        await pilot.press("q")
    assert app.return_value is not None


async def test_a_second_press_stops_a_process_that_does_not_finish() -> None:
    app, told = app_on(READY, *problem())
    told.batches = lambda seconds: Endless(told, [READY, *problem()])  # type: ignore[method-assign, assignment]
    async with app.run_test(size=(120, 32)) as pilot:
        await until(pilot, lambda: "p1 leads" in head(app))
        await pilot.press("q")
        await until(pilot, lambda: "finishing" in head(app))
        assert "Stop at once" in footer(app)
        await pilot.press("q")
        await until(pilot, lambda: "Quit" in footer(app))


class Endless:
    """Events that end at the second request alone."""

    def __init__(self, told: Told, events: list[Event]) -> None:
        self._told, self._events = told, events

    def __iter__(self) -> Iterator[list[Event]]:
        yield self._events
        while self._told.asked < 2:
            time.sleep(0.01)
