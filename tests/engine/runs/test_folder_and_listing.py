"""Run folders: created, opened, refused with a remedy, listed, found by what a user types."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.machine.home import new_run_id, new_run_path, runs_home
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.runs.listing import RunCondition, find_run, list_runs, read_info


def test_a_run_is_made_and_opened(run: RunFolder) -> None:
    opened = RunFolder.open(run.path)
    assert opened == run
    assert opened.id == "nano-20261123-1412-a3f"
    assert opened.config.read_text() == 'preset = "nano"\n'
    assert opened.inbox.is_dir()
    assert opened.checkpoints.is_dir()


def test_a_run_is_never_made_over_something_else(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds a run already") as caught:
        RunFolder.create(run.path, "")
    assert f"cure-tui resume {run.id}" in caught.value.remedy
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    assert RunFolder.create(thesis / "new", "").path.is_dir()
    with pytest.raises(RunError, match="not empty"):
        RunFolder.create(thesis, "")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(RunError, match="cannot be used"):
        RunFolder.create(file, "")


def test_what_is_no_run_or_of_another_version_is_refused_with_a_remedy(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not exist"):
        RunFolder.open(tmp_path / "nothing")
    with pytest.raises(RunError, match="not a run folder"):
        RunFolder.open(tmp_path)
    (run.path / "version").write_text("2\n")
    with pytest.raises(RunError, match="of version '2'") as caught:
        RunFolder.open(run.path)
    assert caught.value.remedy


def test_two_engines_never_work_in_one_folder(run: RunFolder) -> None:
    with run.lock(), pytest.raises(RunError, match="already running"):
        run.lock()
    run.lock().close()


def test_taking_a_run_tidies_up_after_a_kill(run: RunFolder) -> None:
    (run.checkpoints / ".tmp-000004").mkdir()
    run.live.write_text("{}")
    with run.lock():
        assert list(run.checkpoints.iterdir()) == []
        assert not run.live.exists()


def test_a_full_disk_refuses_a_new_run_and_leaves_none(small_disk: Path, fill_disk: Callable[[Path], None]) -> None:
    fill_disk(small_disk)
    with pytest.raises(RunError, match="is full"):
        RunFolder.create(small_disk / "run", "")
    with pytest.raises(RunError):
        RunFolder.open(small_disk / "run")


def test_on_a_full_disk_a_run_has_room_for_its_last_words_and_can_be_taken_again_later(
    small_disk: Path, fill_disk: Callable[[Path], None]
) -> None:
    run = RunFolder.create(small_disk / "run", "")
    with run.lock(), JournalWriter(run.journal) as journal:
        journal.run_started(preset="nano", steps=3, seed=0)
        fill_disk(small_disk)
        with pytest.raises(RunError) as caught:
            journal.notice("x" * 100_000)
        run.release_reserve()
        journal.run_failed(1, error=caught.value.message, remedy=caught.value.remedy)
    info = read_info(run.path)
    assert (info.state, info.ending) == (RunCondition.FAILED, "the disk that holds run run is full")
    fill_disk(small_disk)
    with pytest.raises(RunError, match="is full"):
        run.lock()
    (small_disk / "filler").unlink()
    run.lock().close()


def test_a_read_only_folder_refuses_an_engine_but_not_a_reader(
    small_disk: Path, make_read_only: Callable[[], None]
) -> None:
    run = RunFolder.create(small_disk / "run", "")
    with JournalWriter(run.journal) as journal:
        journal.run_started(preset="nano", steps=3, seed=0)
        journal.run_stopped(0, "user")
    run.lock().close()
    make_read_only()
    for act in (
        run.lock,
        lambda: RunFolder.create(small_disk / "other", ""),
        lambda: JournalWriter(run.journal),
    ):
        with pytest.raises(RunError, match="cannot be written: read-only") as caught:
            act()
        assert "--run-dir" in caught.value.remedy
    assert read_info(run.path).state is RunCondition.STOPPED


def test_ids_sort_by_time_and_name_the_preset() -> None:
    early, late = (new_run_id("nano", datetime(2026, 11, 23, hour, 5)) for hour in (9, 14))
    assert re.fullmatch(r"nano-20261123-0905-[0-9a-f]{3}", early)
    assert early[:18] < late[:18]
    assert new_run_id("/home/Ada/My Preset.toml").startswith("my-preset-20")
    assert new_run_id("qwen2.5-7b").startswith("qwen2.5-7b-20")
    assert new_run_id("../..").startswith("run-20")


def test_runs_live_where_the_environment_says(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs_home() == own_home / "runs"
    assert new_run_path("nano").parent == runs_home()
    assert list_runs() == []
    monkeypatch.delenv("CURE_TUI_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert runs_home() == tmp_path / "xdg" / "cure-tui" / "runs"


def run_of(name: str, ending: str) -> RunFolder:
    folder = RunFolder.create(runs_home() / name, "")
    with JournalWriter(folder.journal) as journal:
        journal.run_started(preset="nano", steps=3, seed=0)
        for step in (1, 2):
            journal.step_finished(step, {"code": step / 10})
        if ending == "finished":
            journal.evaluation(2, split="heldout", when="end", summary={"code": {"mean": 0.6}})
            journal.run_finished(2, {})
        elif ending == "stopped":
            journal.run_stopped(2, "SIGTERM")
        elif ending == "failed":
            journal.run_failed(2, error="no memory")
    return folder


@pytest.mark.usefixtures("own_home")
def test_the_list_tells_how_each_run_stands() -> None:
    endings = ["finished", "stopped", "failed", "crashed"]
    for ending in endings:
        run_of(f"nano-{ending}", ending)
    (run_of("nano-other-version", "finished").path / "version").write_text("9\n")
    RunFolder.create(runs_home() / "nano-never-began", "")
    (runs_home() / "not a run").mkdir()
    runs = {info.id: info for info in list_runs()}
    assert {name: info.state for name, info in runs.items()} == {
        **{f"nano-{ending}": ending for ending in endings},
        "nano-other-version": "unreadable",
        "nano-never-began": "crashed",
    }
    finished = runs["nano-finished"]
    assert (finished.preset, finished.step, finished.steps, finished.metrics) == ("nano", 2, 3, {"code": 0.2})
    assert finished.evaluation is not None
    assert finished.evaluation.summary.code.mean == 0.6
    assert runs["nano-failed"].ending == "no memory"
    assert "version '9'" in runs["nano-other-version"].fault


@pytest.mark.usefixtures("own_home")
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "its journal is empty"),
        (b"\x93\x80noise", "its journal is corrupt"),
        (b"noise\n\x80\n", "its journal is corrupt"),
    ],
)
def test_the_list_tells_a_journal_that_is_lost(content: bytes, fault: str) -> None:
    folder = run_of("nano-lost", "finished")
    (folder.checkpoints / "step-000002").mkdir()
    assert read_info(folder.path).fault == ""
    folder.journal.write_bytes(content)
    assert read_info(folder.path).fault == fault


@pytest.mark.usefixtures("own_home")
@pytest.mark.parametrize("number", [0, 1, -1])
def test_the_list_tells_a_corrupt_line_of_a_journal(number: int) -> None:
    folder = run_of("nano-torn", "finished")
    lines = folder.journal.read_bytes().splitlines(keepends=True)
    lines[number] = b"\x93\x80\n"
    folder.journal.write_bytes(b"".join(lines))
    assert read_info(folder.path).fault == "its journal is corrupt"


ENGINE = """
import sys, time
from pathlib import Path
from engine.runs.folder import RunFolder
from engine.runs.heartbeat import Heartbeat
from engine.runs.journal import JournalWriter
run = RunFolder.open(Path(sys.argv[1]))
with run.lock(), Heartbeat(run.heartbeat), JournalWriter(run.journal) as journal:
    journal.run_started(preset="nano", steps=3, seed=0)
    journal.paused(1)
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_run_is_live_while_its_engine_is_and_crashed_after_a_kill(
    run: RunFolder, start_python: Callable[..., subprocess.Popen[str]]
) -> None:
    engine = start_python(ENGINE, run.path)
    assert engine.stdout is not None
    assert engine.stdout.readline() == "ready\n"
    info = find_run(run.id)
    assert (info.state, info.pid, info.paused) == (RunCondition.LIVE, engine.pid, True)
    assert info.beat_seconds is not None
    assert info.beat_seconds < 60
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    info = find_run(run.id)
    assert (info.state, info.pid, info.paused) == (RunCondition.CRASHED, None, False)


@pytest.mark.usefixtures("own_home")
def test_a_run_is_found_by_id_by_a_beginning_and_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("nano-1", "nano-12", "nano-2"):
        run_of(name, "finished")
    elsewhere = RunFolder.create(tmp_path / "elsewhere", "")
    assert find_run("nano-2").id == "nano-2"
    assert find_run("nano-1").id == "nano-1"
    assert find_run(str(elsewhere.path)).path == elsewhere.path
    monkeypatch.chdir(tmp_path)
    assert find_run("./elsewhere").path == elsewhere.path
    assert find_run("elsewhere").path == elsewhere.path
    monkeypatch.chdir(elsewhere.path)
    assert find_run(".").id == find_run("inbox/..").id == "elsewhere"
    with pytest.raises(RunError, match="'nano' matches 3 runs: nano-1, nano-12, nano-2") as caught:
        find_run("nano")
    assert caught.value.remedy == "give more of the id"
    for nothing in ("qwen", "", os.sep.join(("no", "where")), "*"):
        with pytest.raises(RunError) as caught:
            find_run(nothing)
        assert caught.value.remedy


def test_the_room_loads_no_framework() -> None:
    modules = "archive, archive_reader, checkpoints, folder, heartbeat, inbox, journal, listing, live, state"
    script = f"import sys\nfrom engine.runs import {modules}\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "engine.runs.archive" in loaded
    assert not loaded & {"torch", "transformers", "pydantic", "textual", "typer"}


@pytest.mark.parametrize("name", ["~nobody/run", "x" * 5000, "/" + "x" * 300], ids=lambda text: ascii(text[:20]))
def test_a_run_that_no_file_can_be_called_is_not_found(name: str) -> None:
    with pytest.raises(RunError):
        find_run(name)
