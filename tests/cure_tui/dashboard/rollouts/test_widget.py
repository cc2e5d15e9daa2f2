"""List of rollouts: lines that fit, an archive that changes meanwhile, and no more rows read than are visible."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from cure_tui.dashboard.rollouts.line import Columns, answer_digest, find_matches, head_line, rollout_line
from cure_tui.dashboard.rollouts.query import parse
from cure_tui.dashboard.rollouts.search import RolloutSearch
from cure_tui.dashboard.rollouts.widget import RolloutList
from cure_tui.drawing.palette import DEFAULT_THEME, THEMES
from cure_tui.drawing.spans import plain, width
from engine.runs.archive import ArchiveWriter
from engine.runs.archive_reader import ArchiveReader, StoredRollout
from engine.runs.records import RolloutRecord, StepRecord, TaskRecord

ANSWER = "First the plan.\n\n```python\nn = int(input())\nprint(max(n, 0))\n```\n"


def answer(index: int, role: str = "coder", text: str = ANSWER) -> RolloutRecord:
    return RolloutRecord(role, index, 0.5, -0.25, 143, index != 1, "ok", text)


def step_of(step: int, group: int = 8) -> StepRecord:
    rollouts = tuple(answer(index, role) for role in ("coder", "tester") for index in range(group))
    return StepRecord(step, (TaskRecord(f"numbers-{step:02}", "Print a number.", rollouts),))


def write(path: Path, *steps: int, group: int = 8) -> None:
    with ArchiveWriter(path) as writer:
        for step in steps:
            writer.write_step(step_of(step, group))


class ListApp(App[None]):
    """App with a list of rollouts, and a record of its messages."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.chosen: list[int] = []
        self.searched: list[RolloutList.Searched] = []
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = DEFAULT_THEME

    def compose(self) -> ComposeResult:
        yield RolloutList(self.path)

    def on_rollout_list_chosen(self, event: RolloutList.Chosen) -> None:
        self.chosen.append(event.id)

    def on_rollout_list_searched(self, event: RolloutList.Searched) -> None:
        self.searched.append(event)

    @property
    def view(self) -> RolloutList:
        return self.query_one(RolloutList)

    def lines(self) -> list[str]:
        return [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]


async def settled(pilot: Pilot[None], app: ListApp, searches: int) -> None:
    """Wait until that many searches have ended."""
    for _ in range(6000):
        await pilot.pause(0.01)
        if sum(event.done for event in app.searched) >= searches:
            await pilot.pause()
            return
    raise AssertionError("the search did not end")


@asynccontextmanager
async def running(path: Path, size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[ListApp, Pilot[None]]]:
    app = ListApp(path)
    async with app.run_test(size=size) as pilot:
        app.view.focus()
        await settled(pilot, app, 1)
        yield app, pilot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rollouts.sqlite"


# Lines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 140])
def test_a_line_stands_under_the_names_of_its_columns(columns: int) -> None:
    layout = Columns.for_width(columns)
    stored = StoredRollout(1, 12, "numbers-03-05-02", replace(answer(1), status="no_block", reward=-12.345))
    line, head = plain([rollout_line(stored, layout, chosen=True)]), plain([head_line(layout)])
    assert len(line) <= columns
    assert head.index("reward") + len("reward") == line.index("-12.35") + len("-12.35")
    assert head.index("answer") == line.index("First the plan.")
    assert line.startswith("›")
    assert "143…" in line
    assert "✗ no_block" in line


def test_what_happened_to_the_program_is_named_rather_than_ok() -> None:
    stored = StoredRollout(1, 12, "a", answer(0))
    assert "! time_limit" in plain(
        [rollout_line(stored, Columns.for_width(80), (), ("ok", "time_limit"), chosen=False)]
    )
    assert "none" in plain(
        [
            rollout_line(
                replace(stored, rollout=replace(answer(0), reward=math.nan)), Columns.for_width(80), chosen=False
            )
        ]
    )


def test_the_answer_is_shown_from_the_line_of_the_first_match_with_matches_marked() -> None:
    assert plain([answer_digest(ANSWER, 60)]) == "First the plan.↵n = int(input())↵print(max(n, 0))"
    row = answer_digest(ANSWER, 60, ("MAX(",))
    assert plain([row]) == "…print(max(n, 0))"
    assert [span.text for span in row if span.style == "match"] == ["max("]
    far = answer_digest("x" * 500 + "needle" + "y" * 500, 40, ("needle",))
    assert "needle" in plain([far])[:40]
    assert all(span.text.isprintable() for span in answer_digest("a\tb\x1b[31m\u202e語", 20))
    assert plain([answer_digest("語" * 5, 20)]) == "·" * 5
    assert width(answer_digest(ANSWER, 20)) == 20


def test_matches_are_those_of_the_archive_in_any_case() -> None:
    assert find_matches("İstanbul MAX max", ("max",)) == [(9, 12), (13, 16)]
    assert find_matches("aaa", ("a", "aa")) == [(0, 2), (2, 3)]
    assert find_matches("a.c abc", ("a.c",)) == [(0, 3)]


# The list -----------------------------------------------------------------------------------------------------


async def test_the_newest_step_is_on_top_and_keys_move_through_all(path: Path) -> None:
    write(path, 1, 2, 3)
    async with running(path) as (app, pilot):
        view = app.view
        assert len(view.ids) == 48
        assert "numbers-03" in app.lines()[1]
        await pilot.press("j", "down", "k")
        assert view.cursor == 1
        await pilot.press("pagedown")
        assert view.cursor == 24
        await pilot.press("end")
        assert (view.cursor, "numbers-01" in app.lines()[-1]) == (47, True)
        await pilot.press("enter", "home", "enter")
        await pilot.pause()
        assert app.chosen == [view.ids[47], view.ids[0]]
        assert app.lines()[0].split()[0] == "step"


async def test_the_mouse_chooses_a_line_and_a_double_click_opens_it(path: Path) -> None:
    write(path, 1)
    async with running(path) as (app, pilot):
        await pilot.click(RolloutList, offset=(10, 4))
        assert app.view.cursor == 3
        await pilot.click(RolloutList, offset=(10, 6), times=2)
        await pilot.pause()
        assert app.chosen == [app.view.ids[5]]
        await pilot.click(RolloutList, offset=(10, 22))  # below the last one
        assert app.view.cursor == 5


async def test_a_search_narrows_the_list_and_says_when_nothing_is_there(path: Path) -> None:
    write(path, 1, 2)
    async with running(path) as (app, pilot):
        app.view.search(parse("role:tester step:2"))
        await settled(pilot, app, 2)
        assert len(app.view.ids) == 8
        assert app.searched[-1].count == 8
        app.view.search(parse("reward<0"))
        await settled(pilot, app, 3)
        assert "no rollout matches: rollouts; reward under 0" in app.lines()[1]
        assert app.view.selected is None
        await pilot.press("enter", "down", "end", "pageup")
        assert app.chosen == []


async def test_the_chosen_rollout_keeps_its_place_while_the_archive_grows_and_is_pruned(path: Path) -> None:
    write(path, 1, 2, 3, group=20)
    async with running(path) as (app, pilot):
        view = app.view
        for _ in range(30):
            await pilot.press("down")
        chosen, height = view.selected, view.cursor - view.scroll_offset.y
        write(path, 4, 5, group=20)
        view.look_again()
        await settled(pilot, app, 2)
        assert (len(view.ids), view.selected, view.cursor) == (200, chosen, 110)
        assert view.cursor - view.scroll_offset.y == height
        with ArchiveWriter(path) as writer:
            writer.prune(keep_steps=3)
        view.look_again()
        await settled(pilot, app, 3)
        assert (len(view.ids), view.selected, view.cursor) == (120, chosen, 110)
        with ArchiveWriter(path) as writer:
            writer.drop_from(3)
            writer.write_step(step_of(3, group=20))
        view.look_again()
        await settled(pilot, app, 4)
        assert len(view.ids) == 40
        assert view.selected is not None


async def test_on_the_first_line_the_list_follows_the_newest(path: Path) -> None:
    write(path, 1, 2)
    async with running(path) as (app, pilot):
        await pilot.press("down", "home")
        write(path, 3)
        app.view.look_again()
        await settled(pilot, app, 2)
        assert app.view.cursor == 0
        assert "numbers-03" in app.lines()[1]


async def test_a_step_that_ends_during_a_search_is_found_after_it(path: Path) -> None:
    write(path, 1)
    async with running(path) as (app, pilot):
        app.view.search(parse("role:coder"))
        write(path, 2)
        app.view.look_again()
        await settled(pilot, app, 3)
        assert len(app.view.ids) == 16


async def test_rows_that_were_dropped_since_the_search_say_so(path: Path) -> None:
    write(path, 1, 2, group=100)
    async with running(path) as (app, pilot):
        with ArchiveWriter(path) as writer:
            writer.prune(keep_steps=1)
        await pilot.press("end")  # far beyond the rows that were read for the first screen
        assert any("no longer in the archive" in line for line in app.lines())


async def test_a_run_without_an_archive_says_so_until_there_is_one(path: Path) -> None:
    async with running(path) as (app, pilot):
        assert "has no rollouts yet" in app.lines()[1]
        assert "has no rollouts yet" in app.searched[-1].fault
        write(path, 1)
        app.view.look_again()
        await settled(pilot, app, 2)
        assert len(app.view.ids) == 16
        assert app.searched[-1].fault == ""


async def test_only_the_rows_around_the_screen_are_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, *range(1, 41), group=100)
    read: list[int] = []
    original = ArchiveReader.rollouts

    def counted(reader: ArchiveReader, ids: list[int]) -> list[StoredRollout]:
        read.append(len(ids))
        return original(reader, ids)

    monkeypatch.setattr(ArchiveReader, "rollouts", counted)
    async with running(path) as (app, pilot):
        await pilot.press("end", "pageup", "home")
        assert "numbers-40" in app.lines()[1]
        assert len(app.view.ids) == 8000
        assert 0 < sum(read) < 400


async def test_a_search_that_another_replaces_says_nothing_more(path: Path) -> None:
    write(path, 1, 2, 3)
    said: list[tuple[int, int]] = []
    search = RolloutSearch(path, lambda progress: said.append((progress.number, progress.count)))
    for _ in range(20):
        search.start(parse("role:coder"))
    last = search.start(parse("role:tester step:1"))
    for _ in range(6000):
        if said and said[-1][0] == last:
            break
        await asyncio.sleep(0.01)
    assert said[-1] == (last, 8)
    search.stop()
