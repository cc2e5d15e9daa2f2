"""Home screen: the list of runs, its order, the line about each run, clicks and keys."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.home.picture import about_run, runs_caption
from cure_tui.dashboard.home.preset_cards import PresetList
from cure_tui.dashboard.home.run_table import RunTable
from cure_tui.dashboard.home.screen import HomeScreen
from cure_tui.dashboard.messages import StartPreset
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.start.screen import StartScreen
from cure_tui.drawing.spans import plain
from cure_tui.launch.draft import Draft
from cure_tui.runs.listing import Order, RunList, matching, sorted_by
from engine.machine import probe as probe_module
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs import listing
from engine.runs.checkpoints import CheckpointStore
from engine.runs.folder import RunFolder
from engine.runs.listing import RunCondition, RunInfo, read_info
from tests.cure_tui.dashboard.driving import found_in_palette, notices, on_screen, opened, running, until
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")
OLD = RunInfo("nano-1", Path("/runs/nano-1"), RunCondition.FINISHED, preset="nano", started=1.0)
NEW = RunInfo("big-2", Path("/runs/big-2"), RunCondition.CRASHED, preset="qwen", started=3.0, step=4, steps=9)
LIVE = RunInfo("nano-3", Path("/runs/nano-3"), RunCondition.LIVE, "nano", started=2.0, metrics={"code_accuracy": 0.5})


def make_runs(tmp_path: Path, count: int) -> list[RunFolder]:
    """Create runs whose engines have started and died, `nano-000` first."""
    config = dump_toml(load_preset("nano"))
    folders = [RunFolder.create(tmp_path / "home" / "runs" / f"nano-{number:03d}", config) for number in range(count)]
    for folder in folders:
        folder.lock().close()
    return folders


async def home(app: CureApp, pilot: Pilot[str], rows: int) -> RunTable:
    """Return the table of the home screen once it has that many rows."""
    table = app.screen.query_one(RunTable)
    await until(pilot, lambda: table.row_count == rows)
    await pilot.pause()
    return table


def about(app: CureApp) -> str:
    return app.screen.query_one("#about", RowsView).text


def test_orders() -> None:
    def ids(order: Order) -> list[str]:
        return [run.id for run in sorted_by([OLD, NEW, LIVE], order)]

    assert ids(Order.NEWEST) == ["big-2", "nano-3", "nano-1"]
    assert ids(Order.BEST) == ["nano-3", "big-2", "nano-1"]
    assert ids(Order.STATE) == ["nano-3", "nano-1", "big-2"]
    assert ids(Order.NAME) == ["big-2", "nano-1", "nano-3"]
    assert Order.NAME.next() is Order.NEWEST


@pytest.mark.parametrize(
    ("words", "found"),
    [("", 3), ("nano", 2), ("QWEN", 1), ("nano live", 1), ("live nano-1", 0), ("crashed", 1)],
)
def test_a_filter_fits_where_all_its_words_are_in_name_preset_or_state(words: str, found: int) -> None:
    assert len(matching([OLD, NEW, LIVE], words)) == found


def test_a_paused_run_is_found_as_such() -> None:
    assert matching([replace(LIVE, paused=True)], "paused")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (NEW, "r resumes it after step 4; its engine died without an error message"),
        (replace(NEW, state=RunCondition.FAILED, ending="disk full"), "failed: r resumes it after step 4; disk full"),
        (replace(NEW, step=0), "r starts it again"),
        (OLD, "Enter shows it"),
        (replace(LIVE, pid=7, beat_seconds=1.2), "process 7, last heartbeat 1 s ago; Enter watches it"),
        (replace(OLD, state=RunCondition.UNREADABLE, fault="of version 99"), "of version 99"),
    ],
)
def test_the_line_on_a_run_says_how_to_go_on(run: RunInfo, said: str) -> None:
    assert said in plain([about_run(run)])


def test_the_caption_counts_what_fits_and_what_is_marked() -> None:
    said = runs_caption(3, 100, "nano", Order.BEST, 2, Path("/runs"))
    assert said == "3 of 100 runs, best code first (o), 2 marked: c compares  in /runs"
    assert runs_caption(0, 0, "", Order.NEWEST, 0, Path("/runs")) == "runs in /runs"


def test_runs_at_rest_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = make_runs(tmp_path, 3)
    read: list[str] = []

    def counted(path: Path) -> RunInfo:
        read.append(path.name)
        return read_info(path)

    monkeypatch.setattr("cure_tui.runs.listing.read_info", counted)
    runs = RunList()
    assert {run.state for run in runs.read()} == {RunCondition.CRASHED}
    runs.read()
    assert sorted(read) == ["nano-000", "nano-001", "nano-002"]
    read.clear()
    with folders[1].lock():
        assert [run.id for run in runs.read() if run.state is RunCondition.LIVE] == ["nano-001"]
        runs.read()
        assert read == ["nano-001", "nano-001"]  # one at work is read every time
    assert all(run.state is RunCondition.CRASHED for run in runs.read())
    record_run(folders[2], 2)
    assert [run.id for run in runs.read() if run.state is RunCondition.FINISHED] == ["nano-002"]


async def test_a_machine_that_is_known_only_after_the_app_has_closed_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed, probe = threading.Event(), probe_module.probe_machine

    def slow(folder: Path) -> probe_module.Machine:
        closed.wait(100)
        return probe(folder)

    monkeypatch.setattr(probe_module, "probe_machine", slow)
    app = CureApp()
    async with running(app) as pilot:
        screen = app.screen
        await screen.remove()  # while the thread still probes
        closed.set()
        await until(pilot, lambda: not any(worker.is_running for worker in app.workers))


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])
async def test_the_home_screen_draws_at_every_size(tmp_path: Path, size: tuple[int, int], ascii_only: bool) -> None:
    record_run(make_runs(tmp_path, 2)[0], 2)
    app = CureApp(ascii_only=ascii_only)
    async with running(app, size) as pilot:
        table = await home(app, pilot, 2)
        await until(pilot, lambda: app.screen.query_one(PresetList).option_count >= 4)
        assert ("started" in {key.value for key in table.columns}) == (size[0] != 20)
        if ascii_only:
            assert on_screen(app).isascii()
        await pilot.resize_terminal(60, 15)
        await pilot.resize_terminal(140, 50)
        await pilot.pause()
        assert app.export_screenshot()


async def test_the_list_is_filtered_while_typing_and_escape_brings_all_back(tmp_path: Path) -> None:
    make_runs(tmp_path, 12)
    app = CureApp()
    async with running(app, (80, 24)) as pilot:
        table = await home(app, pilot, 12)
        await pilot.press("slash", *"nano-01")
        await until(pilot, lambda: table.row_count == 2)
        assert "2 of 12 runs" in str(app.screen.query_one("#runs-caption", Static).content)
        await pilot.press("enter")
        assert table.has_focus
        await pilot.press("escape")
        await until(pilot, lambda: table.row_count == 12)
        assert not app.screen.query_one(Input).display


async def test_the_chosen_run_stays_chosen_in_another_order(tmp_path: Path) -> None:
    make_runs(tmp_path, 5)
    app = CureApp()
    async with running(app) as pilot:
        table = await home(app, pilot, 5)
        await until(pilot, lambda: table.has_focus)
        await pilot.press("down")
        chosen = table.chosen
        assert chosen is not None
        await pilot.press("o", "o", "o")
        assert "by name" in str(app.screen.query_one("#runs-caption", Static).content)
        assert table.chosen == chosen
        assert table.cursor_row == 3


async def test_a_fifth_run_is_not_marked(tmp_path: Path) -> None:
    make_runs(tmp_path, 5)
    app = CureApp()
    async with running(app) as pilot:
        table = await home(app, pilot, 5)
        await until(pilot, lambda: table.has_focus)
        await pilot.press("m", "down", "m", "down", "m", "down", "m", "down", "m")
        assert [str(table.get_row_at(row)[0]) for row in range(5)] == ["A", "B", "C", "D", "·"]
        assert "at most 4 runs can be compared" in notices(app)[0]
        await pilot.press("home", "m")
        assert [str(table.get_row_at(row)[0]) for row in range(5)] == ["·", "A", "B", "C", "·"]


async def test_keys_for_runs_say_so_where_there_is_none() -> None:
    app = CureApp()
    async with running(app) as pilot:
        await until(pilot, lambda: app.screen.query_one("#empty").display)
        await pilot.press("m", "r", "x", "c", "o", "escape")
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)


async def test_whoever_comes_back_from_a_run_stands_in_the_list_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep Enter from starting another training in the list of presets."""
    started: list[str] = []

    def start(app: CureApp, draft: Draft) -> None:
        started.append(draft.preset)
        folder = RunFolder.create(tmp_path / "home" / "runs" / f"run-{len(started)}", dump_toml(load_preset("nano")))
        record_run(folder)
        app.watch_run(folder.path)

    monkeypatch.setattr(CureApp, "start_run", start)
    app = CureApp()
    async with running(app) as pilot:
        presets = app.screen.query_one(PresetList)
        await until(pilot, lambda: presets.option_count >= 4 and presets.has_focus)
        await pilot.press("enter")  # on the chosen preset, as there is no run yet
        await asked(app, pilot)
        await pilot.press("y")
        await opened(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        table = app.screen.query_one(RunTable)
        await until(pilot, lambda: table.has_focus)
        await pilot.press("enter")
        await opened(app, pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("shift+tab")
        await until(pilot, lambda: presets.has_focus)
        await pilot.press("enter")
        await asked(app, pilot)
        await pilot.press("y")
        await opened(app, pilot)
        await pilot.press("escape", "enter")  # at once
        await opened(app, pilot)
        assert started == ["nano", "nano"]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the presets and runs that an engine is started on, and start none."""
    names: list[str] = []
    monkeypatch.setattr(CureApp, "start_run", lambda self, draft: names.append(draft.preset))
    monkeypatch.setattr(CureApp, "resume_run", lambda self, path: names.append(path.name))
    return names


async def asked(app: CureApp, pilot: Pilot[str]) -> str:
    """Return the question on the screen, or the report of the start dialog."""
    kinds = (AskScreen, StartScreen)
    await until(pilot, lambda: isinstance(app.screen, kinds) and app.screen.query("OptionList:focus"))
    return str(app.screen.query_one("#text" if isinstance(app.screen, StartScreen) else "Static", Static).content)


async def test_one_click_on_a_preset_chooses_a_second_asks_and_one_on_yes_starts(started: list[str]) -> None:
    app = CureApp()
    async with running(app) as pilot:
        presets = app.screen.query_one(PresetList)
        await until(pilot, lambda: presets.option_count >= 4)
        presets.highlighted = 1
        await pilot.pause()
        await pilot.click(presets, offset=(4, 0))
        assert (presets.highlighted, started) == (0, [])
        await pilot.click(presets, offset=(4, 0))
        await asked(app, pilot)
        await pilot.click(OptionList, offset=(4, 1))  # start nothing
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert started == []
        await pilot.click(presets, offset=(4, 0))
        await asked(app, pilot)
        assert started == []
        await pilot.click(OptionList, offset=(4, 0))
        await until(pilot, lambda: started == ["nano"])


@pytest.mark.parametrize("keys", [("n",), ("tab", "enter"), ("ctrl+p", *"start nano", "enter")])
async def test_a_training_by_a_preset_is_described_and_starts_after_a_yes_alone(
    tmp_path: Path, started: list[str], keys: tuple[str, ...]
) -> None:
    record_run(make_runs(tmp_path, 1)[0], 2)

    async def press(app: CureApp, pilot: Pilot[str]) -> str:
        await until(pilot, lambda: app.screen.query_one(RunTable).has_focus)
        for key in keys[:-1]:
            await pilot.press(key)
        if "ctrl+p" in keys:
            await found_in_palette(app, pilot, "nano")
        await pilot.press(keys[-1])
        return await asked(app, pilot)

    app = CureApp()
    async with running(app) as pilot:
        await home(app, pilot, 1)
        await until(pilot, lambda: app.screen.query_one(PresetList).option_count >= 4)
        question = await press(app, pilot)
        assert question.startswith("No other run is live on this machine.\nStart a run of preset nano?\n")
        assert "220 steps or 9.5 minutes, whichever comes first" in question
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        app.screen.query_one(RunTable).focus()
        await press(app, pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert started == []
        app.screen.query_one(RunTable).focus()
        await press(app, pilot)
        await pilot.press("y")
        await until(pilot, lambda: started == ["nano"])


async def test_a_run_may_start_from_the_adapter_of_the_chosen_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(CureApp, "start_run", lambda self, draft: calls.append((draft.source, draft.overrides)))
    trained, untrained = make_runs(tmp_path, 2)
    record_run(trained, 2)
    record_run(untrained, 1)
    for folder, step in ((trained, 2), (untrained, 0)):
        CheckpointStore(folder.checkpoints).save(step, lambda place: None)
    app = CureApp()
    async with running(app) as pilot:
        await home(app, pilot, 2)
        await until(pilot, lambda: app.screen.query_one(RunTable).has_focus)
        await pilot.press("o", "o", "o", "home", "f")  # by name
        assert "It starts from the adapter of nano-000@2, with a fresh optimiser." in await asked(app, pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert calls == []
        await pilot.press("f")
        await asked(app, pilot)
        await pilot.press("y")
        await until(pilot, lambda: calls == [(str(trained.config), [f'start="{trained.path}"'])])
        await pilot.press("end", "f")
        await until(pilot, lambda: notices(app) != [])
        assert "run nano-001 has no trained checkpoint" in notices(app)[0]


async def test_beside_a_live_run_the_question_names_it_and_enter_alone_starts_nothing(
    tmp_path: Path, started: list[str]
) -> None:
    folders = make_runs(tmp_path, 2)
    record_run(folders[0], 2, planned=9, finish=False)
    record_run(folders[1], 1, finish=False)
    with folders[0].lock():
        app = CureApp()
        async with running(app) as pilot:
            table = await home(app, pilot, 2)
            await until(pilot, lambda: table.has_focus)
            await pilot.press("o", "o", "o")  # by name
            await pilot.press("end", "r")
            resumed = await asked(app, pilot)
            assert resumed.startswith("Resume the training nano-001?\nIt continues after step 1 of 220.\n")
            assert "A run is live on this machine: nano-000 (live, step 2/9)" in resumed
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))
            await pilot.press("n")
            assert "nano-000 (live, step 2/9)" in await asked(app, pilot)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))
            assert started == []
            await pilot.press("r")
            await asked(app, pilot)
            await pilot.press("y")
            await until(pilot, lambda: started == ["nano-001"])


async def test_a_key_that_is_held_down_asks_once(started: list[str]) -> None:
    app = CureApp()
    async with running(app) as pilot:
        for _ in range(3):
            app.post_message(StartPreset("nano"))
        await asked(app, pilot)
        await app.workers.wait_for_complete()
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.pause()
        assert isinstance(app.screen, HomeScreen)
        assert started == []


async def test_a_run_resumed_while_the_question_stands_is_not_deleted(tmp_path: Path) -> None:
    folder = make_runs(tmp_path, 1)[0]
    app = CureApp()
    async with running(app) as pilot:
        table = await home(app, pilot, 1)
        await until(pilot, lambda: table.has_focus)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        with folder.lock():
            await pilot.press("d")
            await until(pilot, lambda: any("is running" in text for text in notices(app)))
        assert folder.path.exists()


async def test_only_what_changed_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = make_runs(tmp_path, 3)
    drawn: list[str] = []
    monkeypatch.setattr(listing, "_DEAD_SECONDS", 30.0)
    app = CureApp()
    async with running(app) as pilot:
        table = await home(app, pilot, 3)
        update = table.update_cell_at

        def counted(coordinate: object, value: object) -> None:
            drawn.append(str(value))
            update(coordinate, value)  # type: ignore[arg-type]

        monkeypatch.setattr(table, "update_cell_at", counted)
        with folders[0].lock():
            await until(pilot, lambda: "● live" in drawn)
        assert set(drawn) == {"● live"}
        assert about(app)
