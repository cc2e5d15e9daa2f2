"""Snapshots of the dashboard: pictures of a recorded run, compared with those in __snapshots__.

    pytest --snapshot-update tests/cure_tui/dashboard/test_snapshots.py

after an intended change; then look at them.

A failed comparison writes snapshot_report.html with both pictures side by side.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.pilot import Pilot

from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.compare.screen import CompareScreen
from cure_tui.dashboard.curves.pane import CurvesPane
from cure_tui.dashboard.home import screen as home
from cure_tui.dashboard.home.preset_cards import PresetList
from cure_tui.dashboard.home.run_table import RunTable
from cure_tui.dashboard.home.screen import HomeScreen
from cure_tui.dashboard.messages import StartPreset
from cure_tui.dashboard.results.pane import TaskList
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.screen import RunScreen
from cure_tui.dashboard.start.screen import StartScreen
from cure_tui.dashboard.wall.widget import WallView
from cure_tui.drawing.palette import DEFAULT_THEME, THEMES
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.live import LiveWriter
from tests.cure_tui.dashboard.driving import notices, opened, settled, until
from tests.cure_tui.dashboard.still_app import MACHINE, PRESETS, SANDBOX, StillApp, StillSolveApp
from tests.cure_tui.recorded import record_evaluations, record_run
from tests.cure_tui.solving.test_solve_full_view import READY, Told, head, problem, solution

SnapCompare = Callable[..., bool]
STEPS, PLANNED = 8, 12
LOW, MIDDLE, HIGH = (80, 24), (120, 40), (200, 60)
VIEW_KEYS = {"overview": "1", "rollouts": "2", "matrix": "3", "curves": "4", "lengths": "5", "log": "6"}


@pytest.fixture(autouse=True)
def same_everywhere(tmp_path: Path) -> Iterator[None]:
    """Set a home folder, a time zone and a machine that are the same everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        patch.setenv("CURE_TUI_HOME", str(tmp_path / "cure-tui"))
        patch.setenv("TZ", "UTC")
        time.tzset()
        patch.delenv("NO_COLOR", raising=False)
        patch.setattr("engine.machine.probe.probe_machine", lambda folder: MACHINE)
        patch.setattr("cure_tui.launch.presets.preset_entries", lambda machine: list(PRESETS))
        patch.setattr("engine.sandbox.sandbox_level", lambda: SANDBOX)
        patch.setattr(home, "runs_home", lambda: Path("~/cure-tui/runs"))
        yield
    time.tzset()


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    path = tmp_path / "cure-tui" / "runs" / "nano-20261125-1200-abc"
    return RunFolder.create(path, dump_toml(load_preset("nano")))


@pytest.fixture
def finished(folder: RunFolder) -> RunFolder:
    record_run(folder, STEPS)
    return folder


@pytest.fixture
def live(folder: RunFolder) -> Iterator[RunFolder]:
    """Return a run in the middle of sampling, with its lock held and its wall filled."""
    record_run(folder, STEPS, planned=PLANNED, finish=False)
    with folder.lock():
        wall = LiveWriter(folder.live)
        wall.start_phase("sample", 22)
        program = "```python\na, b = map(int, input().split())\nprint(a + b)\n```"
        for slot in range(16):
            role = "coder" if slot < 9 else "tester"
            state = ("sampling", "done", "truncated")[slot % 3]
            wall.update(slot, role, f"pair-0{slot % 2}-00-00", program[: 12 + 3 * slot], 5 + slot, state)
        wall.progress(9)
        wall.flush()
        yield folder


def viewed(*keys: str) -> Callable[[Pilot[str]], Awaitable[None]]:
    """Return steps that wait for the run, press the keys and wait for the final picture."""

    async def view(pilot: Pilot[str]) -> None:
        app = pilot.app
        assert isinstance(app, StillApp)
        screen = await opened(app, pilot)
        if screen.is_live:
            await until(pilot, lambda: screen.query_one(WallView).shown)
        await settled(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settled(app, pilot)

    return view


async def at_home(pilot: Pilot[str]) -> None:
    """Wait for the home screen with its runs and presets."""
    await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))
    screen = pilot.app.screen
    assert isinstance(screen, HomeScreen)
    await until(pilot, lambda: screen.is_mounted and screen.query_one(RunTable).row_count)
    await until(pilot, lambda: screen.query_one(PresetList).option_count)
    await settled(pilot.app, pilot)


@pytest.mark.parametrize("name", VIEW_KEYS)
def test_a_small_terminal(name: str, finished: RunFolder, snap_compare: SnapCompare) -> None:
    assert snap_compare(StillApp(finished.path), terminal_size=LOW, run_before=viewed(VIEW_KEYS[name]))


@pytest.mark.parametrize("name", ["rollouts", "matrix", "curves"])
def test_a_usual_terminal(name: str, finished: RunFolder, snap_compare: SnapCompare) -> None:
    assert snap_compare(StillApp(finished.path), terminal_size=MIDDLE, run_before=viewed(VIEW_KEYS[name]))


@pytest.mark.parametrize("size", [LOW, MIDDLE], ids=["80", "120"])
def test_one_chart_with_what_it_means(size: tuple[int, int], finished: RunFolder, snap_compare: SnapCompare) -> None:
    help_beside_it = ("question_mark",) if size is MIDDLE else ()
    view = viewed(VIEW_KEYS["curves"], *["right"] * 4, "enter", *help_beside_it)
    assert snap_compare(StillApp(finished.path), terminal_size=size, run_before=view)


def test_the_last_charts(finished: RunFolder, snap_compare: SnapCompare) -> None:
    assert snap_compare(StillApp(finished.path), terminal_size=HIGH, run_before=viewed(VIEW_KEYS["curves"], "left"))


@pytest.mark.parametrize("name", ["overview", "curves", "lengths"])
def test_a_large_terminal(name: str, finished: RunFolder, snap_compare: SnapCompare) -> None:
    assert snap_compare(StillApp(finished.path), terminal_size=HIGH, run_before=viewed(VIEW_KEYS[name]))


@pytest.mark.parametrize("size", [LOW, MIDDLE], ids=["80", "120"])
def test_a_live_run(size: tuple[int, int], live: RunFolder, snap_compare: SnapCompare) -> None:
    assert snap_compare(StillApp(live.path), terminal_size=size, run_before=viewed())


def test_a_live_run_in_ascii(live: RunFolder, snap_compare: SnapCompare) -> None:
    app = StillApp(live.path, ascii_only=True)
    assert snap_compare(app, terminal_size=MIDDLE, run_before=viewed())


# The focused state of every input, list and table -------------------------------------------------------------

SEARCHES = {"empty": ("slash",), "typed": ("slash", *"role:tester")}
LISTS = {
    "rollouts": ("2",), "rollout": ("2", "enter"), "matrix": ("3",), "chart": ("4", "right"),
    "cell": ("3", "enter"), "program": ("3", "enter", "tab"), "question": ("4", "c"),
}  # fmt: skip


@pytest.fixture
def other(tmp_path: Path) -> RunFolder:
    """Return a second run, so that lists of runs offer a choice."""
    path = tmp_path / "cure-tui" / "runs" / "nano-20261125-1100-def"
    folder = RunFolder.create(path, dump_toml(load_preset("nano", ["run.seed=4"])))
    record_run(folder, 3)
    return folder


@pytest.mark.parametrize("size", [LOW, MIDDLE], ids=["80", "120"])
@pytest.mark.parametrize("state", SEARCHES)
def test_the_focused_search_line(
    state: str, size: tuple[int, int], finished: RunFolder, snap_compare: SnapCompare
) -> None:
    assert snap_compare(StillApp(finished.path), terminal_size=size, run_before=viewed("2", *SEARCHES[state]))


@pytest.mark.parametrize("theme", [*list(THEMES)[1:], "ascii"])
def test_the_focused_search_line_in_other_looks(theme: str, finished: RunFolder, snap_compare: SnapCompare) -> None:
    app = StillApp(finished.path, ascii_only=theme == "ascii")
    app.theme = DEFAULT_THEME if theme == "ascii" else theme
    assert snap_compare(app, terminal_size=LOW, run_before=viewed("2", *SEARCHES["typed"]))


@pytest.mark.parametrize("name", LISTS)
def test_a_focused_list(name: str, finished: RunFolder, other: RunFolder, snap_compare: SnapCompare) -> None:
    assert snap_compare(StillApp(finished.path), terminal_size=LOW, run_before=viewed(*LISTS[name]))


@pytest.mark.parametrize(
    "keys", [(), ("tab",), ("slash",), ("slash", *"def")], ids=["presets", "runs", "filter", "word"]
)
def test_a_focused_list_of_the_home_screen(
    keys: tuple[str, ...], finished: RunFolder, other: RunFolder, snap_compare: SnapCompare
) -> None:
    async def view(pilot: Pilot[str]) -> None:
        await at_home(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot.app, pilot)

    assert snap_compare(StillApp(), terminal_size=LOW, run_before=view)


@pytest.mark.parametrize("key", ["1", "2"], ids=["figures", "curves"])
def test_a_focused_side_of_a_comparison(
    key: str, finished: RunFolder, other: RunFolder, snap_compare: SnapCompare
) -> None:
    async def view(pilot: Pilot[str]) -> None:
        await viewed()(pilot)
        screen = CompareScreen([finished.path, other.path])
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: not any(each.loading for each in screen.shown))
        await pilot.press(key)
        await settled(pilot.app, pilot)

    assert snap_compare(StillApp(finished.path), terminal_size=LOW, run_before=view)


@pytest.mark.parametrize("size", [LOW, MIDDLE], ids=["80", "120"])
@pytest.mark.parametrize("keys", [(), ("tab",)], ids=["matrix", "program"])
def test_a_focused_side_of_the_full_view_of_solve(
    keys: tuple[str, ...], size: tuple[int, int], snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cure_tui.solving.full.time", SimpleNamespace(monotonic=lambda: 0.0))
    app = StillSolveApp(Told(READY, *problem(), solution()), ["p.md"])  # type: ignore[arg-type]

    async def view(pilot: Pilot[str]) -> None:
        await until(pilot, lambda: "weak: passes" in head(app))
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=view)


@pytest.mark.parametrize("name", ["overview", "matrix"])
def test_without_colour(
    name: str, finished: RunFolder, snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(StillApp(finished.path), terminal_size=MIDDLE, run_before=viewed(VIEW_KEYS[name]))


@pytest.mark.parametrize("size", [LOW, HIGH], ids=["80", "200"])
def test_two_runs_compared(
    size: tuple[int, int], finished: RunFolder, folder: RunFolder, snap_compare: SnapCompare
) -> None:
    other = RunFolder.create(folder.path.with_name("nano-20261125-1300-def"), dump_toml(load_preset("nano")))
    record_run(other, STEPS - 3, finish=False)

    async def view(pilot: Pilot[str]) -> None:
        app = pilot.app
        assert isinstance(app, StillApp)
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        app.compare_runs([finished.path, other.path])
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        screen = app.screen
        assert isinstance(screen, CompareScreen)
        await until(pilot, lambda: screen.shown and not any(each.loading for each in screen.shown))
        await settled(app, pilot)

    assert snap_compare(StillApp(), terminal_size=size, run_before=view)


@pytest.mark.parametrize("size", [LOW, MIDDLE], ids=["80", "120"])
def test_the_home_screen(size: tuple[int, int], finished: RunFolder, snap_compare: SnapCompare) -> None:
    assert snap_compare(StillApp(), terminal_size=size, run_before=at_home)


# The start dialog, results, and what is opened from a run's screen ---------------------------------------------


@pytest.mark.parametrize("size", [LOW, MIDDLE], ids=["80", "120"])
def test_the_start_dialog(size: tuple[int, int], snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = replace(MACHINE, libraries=tuple((name, "99") for name in ("torch", "transformers", "peft", "textual")))
    for room in ("question", "draft"):
        monkeypatch.setattr(f"cure_tui.launch.{room}.probe_machine", lambda folder: machine)

    async def view(pilot: Pilot[str]) -> None:
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))
        pilot.app.post_message(StartPreset("nano"))
        await until(pilot, lambda: isinstance(pilot.app.screen, StartScreen) or notices(pilot.app))
        assert not notices(pilot.app)
        screen = pilot.app.screen
        assert isinstance(screen, StartScreen)
        await until(pilot, lambda: screen.checked is not None)
        await settled(pilot.app, pilot)

    assert snap_compare(StillApp(), terminal_size=size, run_before=view)


@pytest.mark.parametrize("size", [LOW, MIDDLE], ids=["80", "120"])
def test_the_results(size: tuple[int, int], finished: RunFolder, snap_compare: SnapCompare) -> None:
    record_evaluations(finished, 0, STEPS)

    async def view(pilot: Pilot[str]) -> None:
        await viewed()(pilot)
        await until(pilot, lambda: pilot.app.screen.query_one(TaskList).option_count)
        await settled(pilot.app, pilot)

    assert snap_compare(StillApp(finished.path), terminal_size=size, run_before=view)


@pytest.mark.parametrize("key", ["o", "N", "i"], ids=["engine's output", "note", "explanation"])
def test_what_a_run_opens_above_its_views(key: str, finished: RunFolder, snap_compare: SnapCompare) -> None:
    finished.log.write_text("loading the model\nwarning: a word of a library\n" + "a long line " * 12 + "\n")
    assert snap_compare(StillApp(finished.path), terminal_size=LOW, run_before=viewed("1", key))


def test_runs_drawn_over_one_another(finished: RunFolder, other: RunFolder, snap_compare: SnapCompare) -> None:
    async def view(pilot: Pilot[str]) -> None:
        await viewed("4", "v")(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, AskScreen))
        await pilot.press("1")
        screen = next(each for each in pilot.app.screen_stack if isinstance(each, RunScreen))
        pane = screen.query_one(CurvesPane)
        await until(pilot, lambda: pane.grid.id == "overlaid" and not any(s.loading for s in pane.others.snapshots))
        await until(pilot, lambda: "step 3" in pane.query_one("#others", RowsView).text)
        await settled(pilot.app, pilot)

    assert snap_compare(StillApp(finished.path), terminal_size=LOW, run_before=view)
