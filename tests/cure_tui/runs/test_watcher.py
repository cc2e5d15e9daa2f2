"""Watcher of a run folder: it reports every change and the run's condition, and changes nothing."""

from __future__ import annotations

import gc
import itertools
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cure_tui.runs import watcher as module
from cure_tui.runs.watcher import (
    ACTIVE_SECONDS,
    EVENTS_A_ROUND,
    SHARE_OF_MACHINE,
    SLOWEST_SECONDS,
    Pace,
    RunWatcher,
    Snapshot,
    _samples,
)
from engine.errors import RunError
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, Inbox, send
from engine.runs.journal import JournalWriter
from engine.runs.listing import RunCondition
from engine.runs.live import LiveWriter


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", dump_toml(load_preset("nano")))


@pytest.fixture
def journal(folder: RunFolder) -> Iterator[JournalWriter]:
    with JournalWriter(folder.journal) as writer:
        writer.run_started(preset="nano", steps=3, seed=0)
        yield writer


def test_a_snapshot_tells_state_and_condition(folder: RunFolder, journal: JournalWriter) -> None:
    watcher = RunWatcher(folder.path, lambda snapshot: None)
    journal.step_finished(1, {"mu": 0.5})
    seen = watcher.look()
    assert (seen.state.step, seen.state.metrics["mu"], seen.condition) == (1, 0.5, RunCondition.CRASHED)
    with folder.lock():
        journal.step_finished(2, {"mu": 0.6})
        seen = watcher.look()
        assert (seen.state.step, seen.is_live) == (2, True)
        assert seen.pid is not None
    journal.run_finished(2, {})
    assert watcher.look().condition is RunCondition.FINISHED


def test_a_command_is_seen_until_the_engine_takes_it_up(folder: RunFolder, journal: JournalWriter) -> None:
    watcher = RunWatcher(folder.path, lambda snapshot: None)
    with folder.lock():
        send(folder.path, Command.PAUSE)
        assert watcher.look().pending == (Command.PAUSE,)
        Inbox(folder.inbox).poll()
        assert watcher.look().pending == ()
        send(folder.path, Command.STOP)
    journal.run_stopped(1, "SIGTERM")
    assert watcher.look().pending == (), "nobody is there to take it up"


def test_changes_are_published_and_nothing_else(folder: RunFolder, journal: JournalWriter) -> None:
    heard: list[Snapshot] = []
    news = threading.Event()

    def hear(snapshot: Snapshot) -> None:
        heard.append(snapshot)
        news.set()

    with RunWatcher(folder.path, hear):
        assert news.wait(60)
        while heard[-1].loading:
            pass
        before = len(heard)
        news.clear()
        assert not news.wait(1.2), "a run that stands still is no news"
        journal.step_finished(1, {})
        assert news.wait(60)
    assert len(heard) == before + 1
    assert heard[-1].state.step == 1


def test_a_long_journal_is_kept_from_the_garbage_collector_as_long_as_it_is_watched(
    folder: RunFolder, journal: JournalWriter
) -> None:
    for step in range(1, 2 * EVENTS_A_ROUND):
        journal.step_finished(step, {"mu": 0.1})
    gc.unfreeze()
    read = threading.Event()
    with RunWatcher(folder.path, lambda snapshot: None if snapshot.loading else read.set()):
        assert read.wait(60)
        assert gc.isenabled()
        assert gc.get_freeze_count() > EVENTS_A_ROUND
    assert gc.get_freeze_count() == 0


@pytest.mark.parametrize("happens", ["event", "command", "answer", "nothing"])
def test_without_answers_being_sampled_the_next_picture_waits_for_something_to_happen(
    folder: RunFolder, journal: JournalWriter, monkeypatch: pytest.MonkeyPatch, happens: str
) -> None:
    monkeypatch.setattr(module, "CALM_SECONDS", 30.0 if happens != "nothing" else 2.0)
    looked, look = threading.Semaphore(0), RunWatcher.look

    def counted(watcher: RunWatcher) -> Snapshot:
        looked.release()
        return look(watcher)

    monkeypatch.setattr(RunWatcher, "look", counted)
    acts = {
        "event": lambda: journal.notice("now"),
        "command": lambda: send(folder.path, Command.PAUSE),
        "answer": lambda: LiveWriter(folder.live).start_phase("sample", 9),
        "nothing": lambda: None,
    }
    with folder.lock(), RunWatcher(folder.path, lambda snapshot: None):
        assert looked.acquire(timeout=60)
        assert not looked.acquire(timeout=0.5), "nothing has happened yet"
        acts[happens]()
        assert looked.acquire(timeout=60)


def test_while_answers_are_sampled_it_waits_for_nothing(folder: RunFolder, journal: JournalWriter) -> None:
    live = LiveWriter(folder.live)
    watcher = RunWatcher(folder.path, lambda snapshot: None)
    with folder.lock():
        for phase, total, done, samples in (("sample", 9, 3, True), ("sample", 9, 9, False), ("update", 0, 0, False)):
            live.start_phase(phase, total)
            live.progress(done)
            live.flush()
            assert _samples(watcher.look()) is samples
    assert not _samples(watcher.look()), "the engine is gone"


def test_torn_and_garbled_lines_are_counted_not_fatal(folder: RunFolder, journal: JournalWriter) -> None:
    with open(folder.journal, "ab") as file:
        file.write(b"garbage\n\xff\xfe\n{}\n")
    journal.step_finished(1, {})
    with open(folder.journal, "ab") as file:
        file.write(b'{"kind":"step_fin')
    seen = RunWatcher(folder.path, lambda snapshot: None).look()
    assert (seen.state.step, seen.skipped, seen.fault) == (1, 3, "")


def test_a_folder_that_goes_away_is_said_so(folder: RunFolder, journal: JournalWriter) -> None:
    watcher = RunWatcher(folder.path, lambda snapshot: None)
    watcher.look()
    shutil.rmtree(folder.path)
    seen = watcher.look()
    assert seen.condition is RunCondition.UNREADABLE
    assert "is gone" in seen.fault


def test_a_journal_of_another_version_is_a_fault_with_a_reason(folder: RunFolder) -> None:
    with JournalWriter(folder.journal) as writer:
        writer.run_started(preset="nano", steps=3, seed=0)
    text = folder.journal.read_text()
    folder.journal.write_text(text.replace('"version":1', '"version":99'))
    seen = RunWatcher(folder.path, lambda snapshot: None).look()
    assert seen.condition is RunCondition.UNREADABLE
    assert "version" in seen.fault


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        RunWatcher(tmp_path, lambda snapshot: None)


@pytest.mark.parametrize("cores", [1, 2, 4, 16])
@pytest.mark.parametrize("picture_seconds", [0.001, 0.005, 0.015])
def test_pictures_leave_the_machine_to_the_engine(cores: int, picture_seconds: float) -> None:
    spent = itertools.count()
    pace = Pace(cores, lambda: next(spent) * picture_seconds)
    pause = pace.pause()
    assert ACTIVE_SECONDS <= pause <= SLOWEST_SECONDS
    assert picture_seconds / pause <= SHARE_OF_MACHINE * cores * 1.001 or pause == SLOWEST_SECONDS


def test_many_cores_are_no_reason_to_draw_less_often() -> None:
    spent = itertools.count()
    assert Pace(16, lambda: next(spent) * 0.015).pause() == ACTIVE_SECONDS


def test_a_burst_of_work_delays_one_picture_only_by_a_little() -> None:
    spent = iter((0.0, 30.0, 30.001))
    pace = Pace(2, lambda: next(spent))
    assert [pace.pause(), pace.pause()] == [SLOWEST_SECONDS, ACTIVE_SECONDS]
