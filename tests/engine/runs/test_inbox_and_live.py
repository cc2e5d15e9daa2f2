"""Inbox and live file of a run: neither may disturb the engine."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from engine.errors import RunError
from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, Inbox, pause_wanted, pending, send, withdraw
from engine.runs.live import TAIL_CHARS, LiveReader, LiveSlot, LiveWriter


def test_commands_arrive_once_and_in_order(run: RunFolder) -> None:
    inbox = Inbox(run.inbox)
    assert inbox.poll() == []
    for command in (Command.PAUSE, Command.CHECKPOINT, Command.RESUME, Command.STOP, Command.STOP_NOW):
        send(run.path, command)
    assert inbox.poll() == ["pause", "checkpoint", "resume", "stop", "stop_now"]
    assert inbox.poll() == []
    assert list(run.inbox.iterdir()) == []


def test_files_that_hold_no_command_are_removed_and_noted(run: RunFolder) -> None:
    notes: list[str] = []
    inbox = Inbox(run.inbox, notes.append)
    (run.inbox / "1").write_bytes(b"\xff\x00" * 5000)
    (run.inbox / "2").write_text("format the disk")
    (run.inbox / "3").write_text(" pause\n")
    (run.inbox / ".half").write_text("sto")
    assert inbox.poll() == [Command.PAUSE]
    assert len(notes) == 2
    assert "'2' holds no command: 'format the disk'" in notes[1]
    assert [path.name for path in run.inbox.iterdir()] == [".half"]


def test_what_cannot_be_removed_is_noted_once_and_never_obeyed(run: RunFolder) -> None:
    notes: list[str] = []
    inbox = Inbox(run.inbox, notes.append)
    (run.inbox / "a folder").mkdir()
    assert inbox.poll() == inbox.poll() == []
    assert len(notes) == 1


def test_an_engine_does_not_obey_what_its_predecessor_was_told(run: RunFolder) -> None:
    send(run.path, Command.STOP)
    (stale,) = run.inbox.iterdir()
    os.utime(stale, (time.time() - 60, time.time() - 60))
    run.heartbeat.touch()
    os.utime(run.heartbeat, (time.time() - 30, time.time() - 30))
    send(run.path, Command.PAUSE)
    with run.lock():
        assert Inbox(run.inbox).poll() == [Command.PAUSE]


def test_a_command_for_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no inbox"):
        send(tmp_path, Command.STOP)


def test_what_the_engine_has_not_taken_up_is_seen_and_stays(run: RunFolder) -> None:
    assert pending(run.inbox) == ()
    for command in (Command.PAUSE, Command.STOP):
        send(run.path, command)
    (run.inbox / "odd").write_text("format the disk")
    assert pending(run.inbox) == (Command.PAUSE, Command.STOP)
    assert Inbox(run.inbox).poll() == [Command.PAUSE, Command.STOP]
    assert pending(run.inbox) == ()


def test_a_command_is_taken_back_only_before_the_engine_has_it(run: RunFolder) -> None:
    notes: list[str] = []
    inbox = Inbox(run.inbox, notes.append)
    send(run.path, Command.PAUSE)
    send(run.path, Command.CHECKPOINT)
    assert withdraw(run.path, Command.PAUSE)
    assert inbox.poll() == [Command.CHECKPOINT]
    assert not withdraw(run.path, Command.PAUSE)
    assert notes == []


def test_the_last_word_on_a_pause_counts() -> None:
    assert pause_wanted([Command.PAUSE], paused=False)
    assert not pause_wanted([Command.PAUSE, Command.RESUME], paused=False)
    assert pause_wanted([Command.CHECKPOINT], paused=True)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_wall_shows_tails_of_the_answers_being_sampled(tmp_path: Path) -> None:
    writer, reader = LiveWriter(tmp_path / "live", slots=2), LiveReader(tmp_path / "live")
    assert reader.read() is None
    writer.start_phase("sample", total=256)
    writer.update(1, "tester", "task-1", "x" * 5000 + "end", 99, "sampling")
    writer.update(0, "coder", "task-1", "def \ud800", 2, "done")
    writer.update(2, "coder", "task-1", "no room", 2, "done")
    writer.progress(7)
    writer.flush()
    view = reader.read()
    assert view is not None
    assert (view.phase, view.done, view.total) == ("sample", 7, 256)
    assert [slot.slot for slot in view.slots] == [0, 1]
    assert len(view.slots[1].tail) == TAIL_CHARS
    assert view.slots[1].tail.endswith("end")
    writer.clear()
    assert reader.read() is None


def test_the_wall_is_due_for_a_rewrite_at_its_rate(tmp_path: Path) -> None:
    clock = Clock()
    writer = LiveWriter(tmp_path / "live", max_hz=10, clock=clock)
    writes = 0
    for millisecond in range(1000):
        clock.seconds = millisecond / 1000
        if writer.due:
            writer.flush()
            writes += 1
    assert 9 <= writes <= 11


def test_a_new_phase_leaves_the_wall_as_it_was_at_the_end_of_the_last_one(tmp_path: Path) -> None:
    writer, reader = LiveWriter(tmp_path / "live"), LiveReader(tmp_path / "live")
    writer.start_phase("sample", total=2)
    writer.progress(2)
    writer.update(0, "coder", "task", "print(1)", 3, "done", "correct", 8, 8)
    writer.start_phase("update")
    view = reader.read()
    assert view is not None
    assert (view.phase, view.done, view.total) == ("update", 0, 0)
    assert view.slots == (LiveSlot(0, "coder", "task", "print(1)", 3, "done", "correct", 8, 8),)


def test_a_wall_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    writer = LiveWriter(tmp_path / "no such folder" / "live")
    writer.update(0, "coder", "task", "text", 1, "sampling")
    writer.flush()
    writer.clear()
    assert writer.failures == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"slots": [{"odd": 1}]}', json.dumps({"slots": 3})])
def test_a_file_that_is_no_wall_is_no_view(tmp_path: Path, content: str) -> None:
    (tmp_path / "live").write_text(content)
    assert LiveReader(tmp_path / "live").read() is None
