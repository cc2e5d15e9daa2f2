"""Picture of the wall: it fills its space exactly, keeps the roles apart and marks live answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cure_tui.dashboard.wall.picture import NOTHING, wall_rows
from cure_tui.drawing.glyphs import to_ascii
from cure_tui.drawing.palette import styles_of
from cure_tui.drawing.spans import plain, width
from engine.rollouts.observer import Finding
from engine.runs.live import LiveSlot
from tests.cpu_time import plain_loop, quickest
from tests.cure_tui.dashboard.wall_and_matrix import CODE, slots

GOLDEN = Path(__file__).with_name("golden")

any_slots = st.lists(
    st.builds(
        LiveSlot,
        slot=st.integers(0, 31),
        role=st.sampled_from(["coder", "tester", "critic"]),
        task=st.text(max_size=8),
        tail=st.text(max_size=60) | st.text("a\t\r\n日\x1b ", max_size=60),
        tokens=st.integers(0, 10**6),
        state=st.sampled_from(["sampling", "done", "truncated", "judging"]),
        verdict=st.sampled_from(["", "", *get_args(Finding), "odd"]),
        passed=st.integers(0, 1000),
        of=st.integers(0, 1000),
    ),
    max_size=32,
)


@pytest.mark.parametrize(("columns", "rows", "each"), [(40, 12, 4), (80, 24, 8), (120, 40, 16)])
def test_the_wall_looks_as_it_did(columns: int, rows: int, each: int) -> None:
    golden = (GOLDEN / f"wall-{columns}x{rows}.txt").read_text()
    assert plain(wall_rows(slots(each, each), columns, rows)) + "\n" == golden


def test_the_wall_without_unicode_looks_as_it_did() -> None:
    drawn = to_ascii(plain(wall_rows(slots(4, 4), 80, 24)))
    assert drawn + "\n" == (GOLDEN / "wall-ascii-80x24.txt").read_text()


@settings(deadline=None, max_examples=60)  # a busy machine is no fault of the picture
@given(any_slots, st.integers(0, 200), st.integers(0, 60))
def test_the_wall_fills_its_space_exactly(drawn: list[LiveSlot], columns: int, rows: int) -> None:
    wall = wall_rows(drawn, columns, rows)
    assert len(wall) == rows
    assert {width(row) for row in wall} <= {columns}
    assert {span.style for row in wall for span in row} <= styles_of("cure-dark").keys()
    assert all(span.text.isprintable() for row in wall for span in row)


def test_without_answers_the_wall_says_so() -> None:
    assert plain(wall_rows([], 40, 5)).strip() == NOTHING


def test_coders_stand_above_testers_with_their_counts() -> None:
    drawn = plain(wall_rows(slots(3, 5), 120, 40)).splitlines()
    assert drawn[0].startswith("coder 3")
    assert drawn[20].startswith("tester 5")


def test_a_small_wall_shows_something_of_both_roles() -> None:
    drawn = plain(wall_rows(slots(16, 16), 20, 5))
    assert "coder 1 of 16" in drawn
    assert "tester 1 of 16" in drawn


def test_the_end_of_an_answer_is_shown_not_its_beginning() -> None:
    drawn = plain(wall_rows([LiveSlot(0, "coder", "0", CODE, 90, "sampling")], 60, 5))
    assert "print(solve" in drawn
    assert "def solve" not in drawn


def test_an_answer_that_is_being_sampled_takes_the_pane_of_one_that_ended() -> None:
    def answers(state: str) -> list[LiveSlot]:
        return [LiveSlot(0, "coder", "0", "first", 1, state), LiveSlot(1, "coder", "0", "second", 1, "sampling")]

    assert "first" in plain(wall_rows(answers("sampling"), 30, 3))
    assert "second" in plain(wall_rows(answers("done"), 30, 3))


def about(slot: LiveSlot, columns: int) -> str:
    """Return the line above an answer's text."""
    return plain(wall_rows([slot], columns, 3)).splitlines()[1]


@pytest.mark.parametrize("shown", [str, to_ascii])
def test_how_an_answer_stands_is_told_by_a_glyph_without_any_colour(shown: Callable[[str], str]) -> None:
    states = {
        state: shown(about(LiveSlot(0, "coder", "0", "", 1, state), 30))[0]
        for state in ("sampling", "done", "truncated")
    }
    verdicts = {
        finding: shown(about(LiveSlot(0, "coder", "0", "", 1, "done", finding), 30))[0] for finding in get_args(Finding)
    }
    assert verdicts.pop("right") == verdicts["correct"]  # one sign for both roles, in other words
    assert verdicts.pop("malformed") == verdicts["rejected"]
    glyphs = [*states.values(), *verdicts.values()]
    assert len(set(glyphs)) == len(glyphs)
    assert not {"·", "."} & set(glyphs), "every word of the engine is known here"


def test_an_answer_tells_task_verdict_score_and_tokens() -> None:
    slot = LiveSlot(0, "coder", "numbers-03-05-02", "", 24, "done", "wrong", 3, 8)
    assert about(slot, 60) == "○ ◆ numbers-03-05-02                      wrong 3/8   24 tok"
    narrow = about(slot, 26)
    assert narrow.startswith("○ ◆ …")
    assert narrow.endswith("-05-02 3/8   24 tok")


def test_a_judged_answer_still_shows_that_it_was_cut_off() -> None:
    judged = LiveSlot(0, "tester", "a", "", 96, "truncated", "right", 7, 10)
    assert about(judged, 30).startswith("●⋯◇ a")
    assert to_ascii(about(judged, 30)).startswith("+/T a")


def test_a_full_wall_is_drawn_in_the_time_of_4_plain_loops_over_its_cells() -> None:
    wall = slots(16, 16)  # measured: 1 ms, one loop
    assert quickest(lambda: wall_rows(wall, 200, 60)) < 4 * plain_loop(200, 60)


def test_an_answer_without_tokens_says_how_long_it_is_waited_for() -> None:
    waits = LiveSlot(0, "coder", "sum", "", 0, "sampling", waiting=12)
    assert "waiting · 12 s" in "".join(plain(wall_rows([waits], 40, 6)))
    writes = LiveSlot(0, "coder", "sum", "print(1)", 3, "sampling")
    assert "waiting" not in "".join(plain(wall_rows([writes], 40, 6)))
