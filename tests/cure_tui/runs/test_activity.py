"""Words on what a run does: they follow from condition and phase, and are never those of another state."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cure_tui.dashboard.run.header import header_rows
from cure_tui.drawing.spans import plain
from cure_tui.runs.activity import (
    LOADING,
    RESUMING,
    STARTING_SECONDS,
    activity,
    no_step_text,
    phase_name,
    seen_condition,
)
from cure_tui.runs.step_line import last_step, seconds_left
from cure_tui.runs.watcher import RunWatcher, Snapshot
from engine.runs.events import Event
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.runs.listing import RunCondition, read_state
from engine.runs.state import Phase, RunState, RunStatus, replay

ENDED = [each for each in RunCondition if each is not RunCondition.LIVE]


def stepped(steps: int, seconds: float = 10.0, *, planned: int = 100, update_seconds: float = 4.0) -> RunState:
    """Return the state of a run of equally long steps."""
    events = [Event("run_started", None, 0.0, 0.0, {"preset": "nano", "steps": planned})]
    for step in range(1, steps + 1):
        metrics = {"seconds_update": update_seconds, "code_accuracy": step / 100}
        events.append(Event("step_finished", step, step * seconds, step * seconds, {"metrics": metrics}))
    return replay(events)


def working(state: RunState, phase: str) -> RunState:
    return replace(state, status=RunStatus.RUNNING, phase=Phase(phase, state.step + 1, state.seconds))


@pytest.mark.parametrize("condition", ENDED)
def test_a_run_that_has_ended_does_nothing_whatever_its_last_phase(condition: RunCondition) -> None:
    for phase in ("sample", "update", "evaluate heldout", LOADING):
        state = working(RunState(), phase)
        assert phase_name(condition, state) == ""
        said = no_step_text(condition, state)
        assert "being" not in said
        assert "under way" not in said


def test_every_phase_of_a_live_run_has_words_of_its_own() -> None:
    phases = ["loading", "resuming", "download", "write tests", "evaluate heldout", "evaluate validation", "evaluate"]
    phases += ["anchors", "sample", "update"]
    said = [activity(RunCondition.LIVE, working(stepped(1), phase)) for phase in phases]
    assert len(set(said)) == len(phases)
    for one, other in itertools.permutations(said, 2):
        assert one not in other or "evaluated" in one
    assert all("no step has finished" in no_step_text(RunCondition.LIVE, working(RunState(), each)) for each in phases)
    assert activity(RunCondition.LIVE, working(stepped(1), "polish")) == "the engine is in phase polish"


@pytest.mark.parametrize("status", [RunStatus.STOPPED, RunStatus.FINISHED, RunStatus.FAILED])
def test_a_live_engine_of_an_ended_run_is_resuming(status: RunStatus) -> None:
    state = replace(stepped(5), status=status)
    snapshot = Snapshot(Path("nano-1"), RunCondition.LIVE, state, loading=False, waited=3)
    assert phase_name(RunCondition.LIVE, state) == RESUMING
    header = plain(header_rows(snapshot, None, 200))
    assert "resuming" in header
    assert "left" not in header


def test_a_run_broken_off_while_paused_is_not_paused_while_it_is_resumed() -> None:
    state = replace(working(stepped(5), RESUMING), status=RunStatus.PAUSED)
    snapshot = Snapshot(Path("nano-1"), RunCondition.LIVE, state, loading=False)
    assert not snapshot.is_paused
    assert "paused" not in plain(header_rows(snapshot, None, 200))


def test_what_is_left_counts_down_between_steps_but_not_below_the_steps_to_come() -> None:
    state = stepped(10)
    assert [seconds_left(state, 0, waited) for waited in (0, 3, 9)] == [900, 897, 891]
    assert seconds_left(state, 0, 500) == 890
    assert seconds_left(state, 2.0, 7) == 13


@pytest.mark.parametrize(
    ("minutes", "waited", "last"),
    [(0.0, 0, None), (60.0, 0, None), (2.0, 0, 12), (2.0, 9, 12), (2.01, 0, 13), (1.0, 0, 10)],
)
def test_the_last_step_is_foretold_where_the_time_ends_first(minutes: float, waited: float, last: int | None) -> None:
    assert last_step(stepped(10), minutes, waited) == last


def test_the_header_shows_a_bar_and_the_time_of_an_update() -> None:
    state = working(stepped(10), "update")
    snapshot = Snapshot(Path("nano-1"), RunCondition.LIVE, state, loading=False, waited=2)
    header = plain(header_rows(snapshot, None, 200, max_minutes=3.0))
    assert "update ━━━━━━────── 0:02 of about 0:04" in header
    assert "left 1:18, to step ~18" in header
    late = plain(header_rows(replace(snapshot, waited=90), None, 200))
    assert "1:30, usually 0:04" in late


@pytest.mark.parametrize("step", [1, 4, 10])
def test_the_header_shows_the_figures_of_the_step_shown(step: int) -> None:
    snapshot = Snapshot(Path("nano-1"), RunCondition.FINISHED, stepped(10), loading=False)
    assert f"code {step / 100:.2f}" in plain(header_rows(snapshot, step, 200))
    without = replay([Event("resumed", None, 0.0, 0.0, {"from_step": 4})], stepped(10))
    gone = replace(snapshot, state=replay([Event("step_finished", 7, 1.0, 1.0, {"metrics": {}})], without))
    assert "code" not in plain(header_rows(gone, 5, 200))


def test_a_fresh_folder_is_a_run_that_starts_and_an_old_one_has_crashed(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "nano-1", "")
    snapshot = RunWatcher(folder.path, lambda _: None).look()
    assert snapshot.is_live
    header = plain(header_rows(snapshot, None, 200))
    assert "loading" in header
    assert "0/0" not in header
    old = time.time() - 2 * STARTING_SECONDS
    os.utime(folder.config, (old, old))
    assert not RunWatcher(folder.path, lambda _: None).look().is_live
    assert seen_condition(RunCondition.CRASHED, began=False, folder=tmp_path / "gone") is RunCondition.CRASHED


def test_a_young_run_with_a_dead_engine_has_crashed(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "nano-1", "")
    folder.lock().close()
    assert not RunWatcher(folder.path, lambda _: None).look().is_live
    with JournalWriter(folder.journal) as journal:
        journal.run_started(preset="nano", steps=3, seed=0)
    assert read_state(folder.journal).steps == 3
    assert RunWatcher(folder.path, lambda _: None).look().condition is RunCondition.CRASHED
