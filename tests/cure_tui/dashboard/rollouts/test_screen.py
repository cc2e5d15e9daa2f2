"""One rollout in full: readable to its end, its matches one by one, its neighbours a key away, its files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from textual.app import App
from textual.pilot import Pilot

from cure_tui.dashboard.rollouts.page import head_rows, rollout_page, rollout_text
from cure_tui.dashboard.rollouts.screen import PageView, RolloutScreen
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.palette import DEFAULT_THEME, THEMES
from cure_tui.drawing.spans import Row
from engine.runs.archive import ArchiveWriter
from engine.runs.archive_reader import ArchiveReader, StoredRollout
from engine.runs.records import CellGrid, MatrixRecord, RolloutRecord, StepRecord, TaskRecord, TestRecord
from tests.cure_tui.dashboard.driving import notices
from tests.cure_tui.dashboard.wall_and_matrix import every_verdict, every_verdict_task, grid

ANSWER = """We read 数字 and print the largest; an empty list is a case of its own, which max(xs) would not survive.

```python
def main():
    # all of it
    xs = [int(v) for v in input().split()]
\tprint(max(xs) if xs else "none")
```

That uses max(xs) once."""
TEST = "**Test Input:**\n```\n3 4\n```\n**Test Output:**\n```\n4\n```\n"


def write(path: Path, text: str = ANSWER) -> list[int]:
    status = np.array([[0, 2], [0, 0]], dtype=np.uint8)
    grid = CellGrid(passed=status == 0, status=status)
    matrix = MatrixRecord(grid, grid, correct_n=np.array([False, True]))
    rollouts = (
        RolloutRecord("coder", 0, -0.5, -1.0, 143, False, "ok", text, "source"),
        RolloutRecord("coder", 1, 1.0, 1.0, 20, True, "ok", "```python\nprint(1)\n```", "print(1)\n"),
        RolloutRecord("tester", 0, 0.25, 0.0, 30, True, "ok", TEST),
        RolloutRecord("tester", 1, -0.25, 0.0, 30, True, "no_block", "nothing"),
    )
    tests = (TestRecord("3 4\n", "4\n", 0), TestRecord("", "", 1))
    task = TaskRecord("numbers-01", "Print the largest number.", rollouts, tests, tests, matrix)
    with ArchiveWriter(path) as writer:
        writer.write_step(StepRecord(3, (task,)))
    with ArchiveReader(path) as reader:
        return reader.find()


class ScreenApp(App[None]):
    def __init__(self, screen: RolloutScreen) -> None:
        super().__init__()
        self.opened = screen
        self.returned: list[int | None] = []
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = DEFAULT_THEME

    def on_mount(self) -> None:
        self.push_screen(self.opened, self.returned.append)

    def lines(self) -> list[str]:
        screen = self.opened
        return [
            view.render_line(y).text.rstrip()
            for view in (screen.query_one(RowsView), screen.query_one(PageView))
            for y in range(view.size.height)
        ]

    def messages(self) -> str:
        return "\n".join(notices(self))


@asynccontextmanager
async def running(
    screen: RolloutScreen, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[ScreenApp, Pilot[None]]]:
    app = ScreenApp(screen)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rollouts.sqlite"


def page_of(text: str, columns: int, *texts: str) -> tuple[tuple[Row, ...], list[list[str]]]:
    stored = StoredRollout(1, 3, "a", RolloutRecord("coder", 0, 0.0, 0.0, 1, True, "ok", text))
    page = rollout_page(stored, None, columns, texts)
    lines = ["".join(span.text for span in row) for row in page.lines]
    return page.lines, [[lines[p.line][p.start : p.end] for p in places] for places in page.matches]


def test_an_answer_is_broken_to_the_width_and_nothing_of_it_is_lost() -> None:
    rows, _ = page_of(ANSWER, 30)
    assert all(cell_len("".join(span.text for span in row)) <= 30 for row in rows)
    shown = "".join("".join(span.text for span in row if span.style != "axis") for row in rows[1:])
    assert "".join(shown.split()) == "".join(ANSWER.split())


def test_code_has_the_colours_of_its_language_and_prose_has_none() -> None:
    rows, _ = page_of("for you\n```python\nfor x in 'ab': pass  # why\n```\n```\nfor\n```", 60)
    styles = {span.text: span.style for row in rows[2:] for span in row}
    assert [span.style for span in rows[1]] == [""]
    assert (styles["for"], styles["'ab'"], styles["# why"]) == ("", "series2", "muted")
    assert next(span.style for span in rows[3] if span.text == "for") == "series5"


@pytest.mark.parametrize("columns", [12, 40, 200])
def test_matches_are_found_where_they_are_shown_also_across_broken_lines(columns: int) -> None:
    _, matches = page_of(ANSWER, columns, "max(xs)")
    assert ["".join(pieces) for pieces in matches] == ["max(xs)"] * 3
    _, over_lines = page_of("one\ntwo", 40, "one\ntwo")
    assert over_lines == [["one", "two"]]


def test_controls_cannot_reach_the_terminal() -> None:
    rows, _ = page_of("a\x1b[2Jb\r\n\x07\u200b\u202ec", 40)
    assert all(span.text.isprintable() for row in rows for span in row)


def test_what_could_not_be_judged_is_called_undecided_as_in_the_matrix() -> None:
    lost_last_test = grid(["PP-WPI", "PP-WPI", "PW-PWW", "OK-CRT", "PW-PPI", "------"])
    task = replace(every_verdict_task(), matrix=MatrixRecord(every_verdict().truth, lost_last_test))
    words = [head_rows(StoredRollout(1, 1, "", answer), task, (), "")[2][0].text.strip() for answer in task.rollouts]
    correct, wrong, undecided, right = "✓ correct", "✗ wrong", "? undecided", "✓ right"
    assert words[:6] == [correct, correct, wrong, wrong, undecided, "no program: nothing was run"]
    assert words[6:] == [right, right, "no test: no program was run on it", wrong, right, undecided]


async def test_a_rollout_is_readable_at_80_by_24(path: Path) -> None:
    ids = write(path)
    async with running(RolloutScreen(path, ids, 0, ("max(xs)",))) as (app, _):
        lines = app.lines()
        text = "\n".join(lines)
        assert lines[0] == "step 3  numbers-01  coder 0  1 of 4  match 1 of 3"
        assert "reward -0.50  advantage -1.00  tokens 143  … truncated" in lines[1]
        assert lines[2] == "✗ wrong  passes 1/2 ground-truth, 1/2 generated tests  ! time_limit"
        assert "Print the largest number." in text
        assert "We read 数字 and print" in text
        assert 'print(max(xs) if xs else "none")' in text
        assert all(cell_len(line) <= 80 for line in lines)


async def test_n_goes_through_the_matches_and_brings_them_into_sight(path: Path) -> None:
    ids = write(path, "\n".join(["filler"] * 60 + ["needle one"] + ["filler"] * 60 + ["needle two"]))
    async with running(RolloutScreen(path, ids, 0, ("NEEDLE",))) as (app, pilot):
        assert "match 1 of 2" in app.lines()[0]
        assert "needle one" in app.lines()
        await pilot.press("n")
        assert "match 2 of 2" in app.lines()[0]
        assert "needle two" in app.lines()
        await pilot.press("n")
        assert "match 1 of 2" in app.lines()[0]
        await pilot.press("N")
        assert "match 2 of 2" in app.lines()[0]


async def test_the_arrows_go_to_the_neighbours_and_closing_returns_the_last_one(path: Path) -> None:
    ids = write(path)
    async with running(RolloutScreen(path, ids, 0)) as (app, pilot):
        await pilot.press("left")
        assert "coder 0" in app.lines()[0]
        assert "this is the first rollout in the list" in app.messages()
        await pilot.press("right", "right")
        assert "tester 0" in app.lines()[0]
        assert "✗ wrong" not in app.lines()[2]
        assert app.lines()[2] == "✓ right  2 of 2 programs pass the test, 1 of 1 correct ones"
        await pilot.press("right")
        assert "✗ no_block" in app.lines()[1]
        assert app.lines()[2] == "no test: no program was run on it"
        await pilot.press("escape")
        await pilot.pause()
        assert app.returned == [ids[3]]


async def test_copy_and_save_leave_files_and_say_where(path: Path) -> None:
    ids = write(path)
    async with running(RolloutScreen(path, ids, 0)) as (app, pilot):
        await pilot.press("c", "s")
        assert app.clipboard == ANSWER
        exports = path.parent / "exports"
        assert (exports / "step-3-numbers-01-coder-0-answer.md").read_text() == ANSWER
        saved = (exports / "step-3-numbers-01-coder-0.md").read_text()
        assert "Print the largest number." in saved
        assert ANSWER in saved
        assert "not every terminal accepts it" in app.messages()
        assert str(exports / "step-3-numbers-01-coder-0.md") in app.messages()


async def test_a_rollout_that_was_dropped_says_so_and_its_neighbours_can_be_read(path: Path) -> None:
    ids = write(path)
    async with running(RolloutScreen(path, [10**6, *ids], 0)) as (app, pilot):
        assert "no longer in the archive" in "\n".join(app.lines())
        await pilot.press("c", "s", "n")
        assert not (path.parent / "exports").exists()
        await pilot.press("right")
        assert "coder 0" in app.lines()[0]


async def test_a_missing_archive_is_one_notice(tmp_path: Path) -> None:
    async with running(RolloutScreen(tmp_path / "rollouts.sqlite", [1], 0)) as (app, pilot):
        assert "has no rollouts yet" in app.messages()
        await pilot.press("escape")


def test_the_saved_text_holds_all_there_is(path: Path) -> None:
    ids = write(path)
    with ArchiveReader(path) as reader:
        (stored,) = reader.rollouts(ids[:1])
        text = rollout_text(stored, reader.read_task(3, "numbers-01"), ("ok", "time_limit"))
    assert text.startswith("# step 3  numbers-01  coder 0\n\nreward -0.50")
    assert text.index("## Task") < text.index("Print the largest number.") < text.index("## Answer")
