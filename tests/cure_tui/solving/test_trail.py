"""Trail of a strategy as it is shown: rows that fit, the whole of it on a screen, a line when the solve is over."""

from __future__ import annotations

from typing import Any

import pytest

from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.spans import plain
from cure_tui.solving.full import SolveApp
from cure_tui.solving.picture import solve_rows
from cure_tui.solving.trail import trail_line, trail_rows, trail_text
from cure_tui.solving.trail_screen import TrailScreen
from engine.solve.events import Event, SolveState
from tests.cure_tui.dashboard.driving import until
from tests.cure_tui.solving.test_solve_full_view import READY, Told, problem


def spent(stage: str, part: str, answers: int, tokens: int) -> Event:
    return {
        "event": "spent", "stage": stage, "part": part, "answers": answers, "prompt_tokens": 10 * tokens,
        "tokens": tokens, "dollars": 0.001 * answers, "uncounted": 0,
    }  # fmt: skip


SAMPLED = [{"event": "stage", "name": "sample"}, spent("sample", "coder", 2, 800), spent("sample", "tester", 2, 90)]
REPAIRED: list[Event] = [
    *SAMPLED,
    {"event": "stage", "name": "vote"},
    {"event": "vote", "input": "1", "most": 7, "votes": 8, "agreed": True},
    {"event": "vote", "input": "2", "most": 3, "votes": 8, "agreed": False},
    spent("vote", "tester", 16, 3000),
    {"event": "settled", "tests": [{"input": "1\n", "output": "2", "status": "confirmed"}], "retired": {"refused": 1}},
    {"event": "judged", "first": 0, "second": 1, "winner": "p1"},
    {"event": "judged", "first": 0, "second": 2, "winner": ""},
    {"event": "stage", "name": "repair"},
    {"event": "lineage", "row": 1, "parent": 0, "why": "it fails a test"},
    spent("repair", "coder", 1, 400),
]


def state_after(*events: Event) -> SolveState:
    state = SolveState()
    for event in (READY, *problem(), *events):
        if event["event"] == "problem":
            state = state.next_problem(event)
        state.take(event)
    return state


def test_a_strategy_that_only_samples_has_no_row() -> None:
    assert trail_rows(state_after(*SAMPLED).trail, 80) == []
    assert trail_line({"trail": [{"stage": "sample", "part": "coder", "answers": 2}], "remarks": []}) == ""


def test_the_row_names_the_stage_what_was_decided_and_the_tokens_of_the_last_stages() -> None:
    trail = state_after(*REPAIRED).trail
    facts = (
        "stage repair  1 of 2 votes agreed, 1 of 2 verdicts of the judge held, 1 test refused, 1 repaired or replaced"
    )
    assert plain(trail_rows(trail, 200)) == f"{facts}  tokens: sample 10k, vote 33k, repair 4k"
    assert plain(trail_rows(trail, len(facts) + 30)) == f"{facts}  tokens: vote 33k, repair 4k"
    assert plain(trail_rows(trail, 80)) == facts


@pytest.mark.parametrize("columns", [20, 40, 80, 120])
@pytest.mark.parametrize("rows", [1, 3, 8, 13])
def test_the_inline_view_shows_stage_and_lineage_in_its_columns(columns: int, rows: int) -> None:
    state = state_after(*REPAIRED)
    drawn = plain(solve_rows(state, 1.0, columns, rows)).splitlines()
    assert len(drawn) <= rows
    if rows == 1:
        assert "repair" in drawn[0]
    elif rows > 3:
        assert drawn[2].startswith("stage repair")
        assert any("← p0" in line for line in drawn)
        assert any("<" in to_ascii(line) for line in drawn)


def test_the_whole_trail_is_a_table_by_stage_and_part() -> None:
    text = trail_text(state_after(*REPAIRED))
    lines = text.splitlines()
    assert lines[0].split() == ["STAGE", "PART", "ANSWERS", "PROMPTS", "TOKENS", "COST"]
    assert lines[3].split() == ["vote", "tester", "16", "30,000", "3,000", "$0.0160"]
    assert "1 of 2 votes agreed" in lines
    assert "1 test refused" in lines
    assert lines[-1].split() == ["p1", "p0", "it", "fails", "a", "test"]
    assert trail_text(SolveState()) == "nothing has been asked yet"


def test_a_solution_is_followed_by_its_remarks_and_its_answers_by_stage() -> None:
    trail: list[dict[str, Any]] = [
        {"stage": "sample", "part": "coder", "answers": 2},
        {"stage": "sample", "part": "tester", "answers": 3},
        {"stage": "vote", "part": "tester", "answers": 8},
    ]
    said = trail_line({"trail": trail, "remarks": ["round 1: 2 of 3 tests changed"]})
    assert said == "round 1: 2 of 3 tests changed; answers by stage: sample: coder 2, tester 3; vote: tester 8"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_t_opens_the_trail_where_there_is_one(size: tuple[int, int]) -> None:
    told = Told(READY, *problem(), *REPAIRED, {"event": "wait"})
    app = SolveApp(told, ["double.md"])  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "stage repair" in app.query_one("#head", RowsView).text)
        assert "p1 leads, written after p0: it fails a test" in app.query_one("#head", RowsView).text
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TrailScreen))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, TrailScreen))
        told.conclude()


async def test_t_does_nothing_for_a_strategy_that_only_samples() -> None:
    told = Told(READY, *problem(), *SAMPLED, {"event": "wait"})
    app = SolveApp(told, ["double.md"])  # type: ignore[arg-type]
    async with app.run_test() as pilot:
        await until(pilot, lambda: "p1 leads" in app.query_one("#head", RowsView).text)
        await pilot.press("t")
        assert not isinstance(app.screen, TrailScreen)
        told.conclude()
