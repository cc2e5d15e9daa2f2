"""Following of a run for a tracker that keeps what it is sent in memory: what is sent, how often, and faults."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cure_tui.runs.tracking.content import safe, settings
from cure_tui.runs.tracking.follow import Follower
from cure_tui.runs.tracking.place import Place, PlaceFile
from cure_tui.runs.tracking.tracker import TRACKERS, Numbers, Table, TrackedRun, load_tracker, tracker_faults
from engine.errors import EnvironmentError_, RunError
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.runs.listing import RunCondition
from tests.cure_tui.recorded import record_run

CODE = "accuracy/code_accuracy"


@dataclass
class InMemory:
    """Tracker that can neither take back a step nor tell what it holds: it begins anew, in another list."""

    kept: list[list[Numbers]] = field(default_factory=list)
    fails_at: int = -1
    target: str = "memory"
    hint: str = ""
    tables: list[tuple[int, str]] = field(default_factory=list)
    unflushed: list[Numbers] = field(default_factory=list)

    def open(self, run: TrackedRun, config: Mapping[str, str], since: int) -> int:
        self.generation = run.generation
        if len(self.kept) > run.generation:
            return since + 1
        self.kept.append([])
        return 0

    def rewind(self, step: int) -> int:
        self.generation += 1
        del self.kept[self.generation :]
        self.kept.append([])
        return 0

    def metrics(self, numbers: Numbers) -> None:
        if numbers.step == self.fails_at:
            raise ConnectionError("the server has gone away.\nwith details")
        self.unflushed.append(numbers)

    def table(self, step: int, time: float, table: Table) -> None:
        self.tables.append((step, table.name))

    def flush(self) -> None:
        self.kept[self.generation] += self.unflushed
        self.unflushed = []

    def close(self, condition: RunCondition | None) -> None:
        self.unflushed = []

    @property
    def held(self) -> list[tuple[int, str]]:
        return [(each.step, each.part) for each in self.kept[-1]]


@pytest.fixture
def folder(own_home: Path) -> RunFolder:
    return RunFolder.create(own_home / "runs" / "a-run", "[run]\nsteps = 5\n")


def send(folder: RunFolder, tracker: InMemory, *, tables_every: int = 0) -> Follower:
    with PlaceFile("memory", tracker.target, folder.path) as places:
        follower = Follower(folder, tracker, places, tables_every=tables_every)
        follower.send_new()
        return follower


def test_processes_after_one_another_send_each_step_and_evaluation_once(folder: RunFolder) -> None:
    tracker = InMemory()
    assert not send(folder, tracker).is_open  # a run that has recorded nothing is not begun anywhere
    record_run(folder, 3, planned=5, finish=False)
    send(folder, tracker)
    assert tracker.held == [(0, "heldout"), (1, ""), (2, ""), (3, "")]
    with JournalWriter(folder.journal) as journal:
        journal.evaluation(3, split="validation", when="periodic", summary={})
    send(folder, tracker)
    send(folder, tracker)
    assert tracker.held == [(0, "heldout"), (1, ""), (2, ""), (3, ""), (3, "validation")]


@pytest.mark.parametrize("same_process", [True, False])
def test_steps_run_again_are_sent_to_a_run_begun_anew(folder: RunFolder, same_process: bool) -> None:
    record_run(folder)
    tracker = InMemory()
    with PlaceFile("memory", tracker.target, folder.path) as places:
        follower = Follower(folder, tracker, places, tables_every=0)
        follower.send_new()
        with JournalWriter(folder.journal) as journal:
            journal.resumed(from_step=6, steps=8)  # nothing of it was sent: nothing is taken back
            journal.step_finished(6, {"code_accuracy": 0.6})
        follower.send_new()
        assert len(tracker.kept) == 1
        with JournalWriter(folder.journal) as journal:
            journal.resumed(from_step=5, steps=8)
            journal.step_finished(5, {"code_accuracy": 0.95})
        if same_process:
            follower.send_new()
    if not same_process:
        send(folder, tracker)
    send(folder, tracker)
    assert len(tracker.kept) == 2
    assert tracker.held == [(0, "heldout"), (1, ""), (2, ""), (3, ""), (4, ""), (5, "")]
    assert tracker.kept[-1][-1].values == {CODE: 0.95}


def test_a_kill_while_steps_are_taken_back_is_made_good(folder: RunFolder) -> None:
    record_run(folder)
    tracker = InMemory()
    send(folder, tracker)
    with JournalWriter(folder.journal) as journal:
        journal.resumed(from_step=5, steps=8)
        journal.step_finished(5, {"code_accuracy": 0.95})
    tracker.fails_at = 2
    with pytest.raises(ConnectionError):
        send(folder, tracker)
    tracker.close(None)
    tracker.fails_at = -1
    send(folder, tracker)
    assert tracker.held == [(0, "heldout"), (1, ""), (2, ""), (3, ""), (4, ""), (5, "")]


def test_a_tracker_that_fails_in_the_middle_goes_on_after_what_it_has_kept(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cure_tui.runs.tracking.follow._SENT_A_NOTE", 2)
    record_run(folder)
    tracker = InMemory(fails_at=4)
    with PlaceFile("memory", tracker.target, folder.path) as places:
        follower = Follower(folder, tracker, places, tables_every=0)
        lost = r"^memory failed: the server has gone away \(see .*; once that is mended, the same command goes on\)$"
        with pytest.raises(RunError, match=lost), tracker_faults("memory"):
            follower.send_new()
        assert follower.kept.step == 3
    tracker.close(None)
    tracker.fails_at = -1
    send(folder, tracker)
    assert tracker.held == [(0, "heldout"), (1, ""), (2, ""), (3, ""), (4, ""), (5, ""), (5, "heldout")]


def test_a_live_run_is_followed_until_it_ends(folder: RunFolder) -> None:
    record_run(folder, 2, planned=4, finish=False)
    tracker, engine, steps = InMemory(), ExitStack(), iter((3, 4))

    def wait(seconds: float) -> None:
        with JournalWriter(folder.journal) as journal:
            step = next(steps)
            assert tracker.held[-1] == (step - 1, "")
            journal.step_finished(step, {"code_accuracy": 0.5})
            if step == 4:
                journal.run_finished(4, {})
                engine.close()

    with engine, PlaceFile("memory", tracker.target, folder.path) as places:
        engine.enter_context(folder.lock())
        follower = Follower(folder, tracker, places, tables_every=0)
        assert follower.follow(wait=wait) is RunCondition.FINISHED
    assert tracker.held == [(0, "heldout"), (1, ""), (2, ""), (3, ""), (4, "")]


def test_damage_to_journal_archive_and_place_costs_no_more_than_is_damaged(folder: RunFolder) -> None:
    record_run(folder)
    with JournalWriter(folder.journal) as journal:  # a resumption whose line was lost
        journal.step_finished(4, {"code_accuracy": 0.95})
    with folder.journal.open("ab") as file:
        file.write(b"\0\0 no event\n{\n")
    folder.archive.write_bytes(b"no archive" * 100)
    tracker = InMemory()
    follower = send(folder, tracker, tables_every=1)
    assert [step for step, part in tracker.held if not part] == [1, 2, 3, 4]
    assert next(each for each in tracker.kept[-1] if (each.step, each.part) == (4, "")).values == {CODE: 0.95}
    assert follower.skipped == 2
    assert "archive" in follower.tables_fault
    assert tracker.tables == []
    for text in ("", "{", "[]", '{"step": -1.5}', '{"run": 1, "step": 3, "sent": 0}'):
        with pytest.raises(ValueError):
            Place.from_json(text)
    place = Place("abc", 3, frozenset({(3, ""), (3, "heldout")}), 3, 1, 2)
    assert Place.from_json(place.to_json()) == place


def test_a_run_of_the_same_name_is_told_from_the_one_that_was_sent(folder: RunFolder) -> None:
    record_run(folder)
    with PlaceFile("memory", "memory", folder.path) as places:
        places.note(Place("another run", 5, highest=5))
        assert places.read("another run").step == 5
        assert places.read("this run") == Place("this run")
    assert TrackedRun("a", 1.0).key != TrackedRun("a", 2.0).key


def test_a_target_takes_a_run_from_one_process_at_a_time(folder: RunFolder) -> None:
    with PlaceFile("memory", "x", folder.path), pytest.raises(RunError, match="another process"):
        PlaceFile("memory", "x", folder.path)


def test_settings_of_runs_and_evaluations_are_flat_texts(folder: RunFolder) -> None:
    assert settings(folder) == {"run.steps": "5"}
    (folder.path / "evaluation.json").write_text('{"coder": "run:a", "n": 16, "identity": {"x": "y"}}')
    assert settings(folder) == {"coder": "run:a", "n": "16", "identity.x": "y"}
    (folder.path / "evaluation.json").write_text("[")
    with pytest.raises(RunError, match="settings of run a-run cannot be read"):
        settings(folder)


def test_a_missing_library_and_faults_of_one_are_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TRACKERS:
        for module in [each for each in sys.modules if each.startswith((f"{name}.", f"cure_tui.runs.tracking.{name}"))]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(EnvironmentError_, match=rf"--to {name} needs {name} \(pip install -e '\.\[{name}\]'"):
            load_tracker(name, "", "")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x")
    for fault, said in (
        (
            full,
            r"^t cannot write /x: No space left on device \(free space there; once",
        ),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/x"), r"^t cannot write /x: Not a directory \(make it"),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), r"^t failed: \[Errno 110\] timed out \(see --target"),
        (
            sqlite3.OperationalError("database or disk is full"),
            r"^t failed: database .* \(free space there",
        ),
        (KeyError(), r"^t failed: KeyError \("),
    ):
        with pytest.raises(RunError, match=said), tracker_faults("t"):
            raise fault


def test_foreign_text_is_printable_and_bounded() -> None:
    assert safe("a\x1b]0;b\nc") == "a·]0;b\nc"
    assert len(safe("x" * 10_000)) == 2_001
