"""Reducer of a run's state: pure, the same live and in replay, fast enough to replay any run."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.events import Event, EventKind, Json
from engine.runs.history import History
from engine.runs.journal import JournalReader, JournalWriter, read_journal
from engine.runs.state import RunState, RunStatus, Sandbox, reduce, replay


def event(kind: str, step: int | None = None, /, seconds: float = 0.0, **data: Json) -> Event:
    return Event(kind, step, seconds, 1000.0 + seconds, data)


def start(steps: int = 9) -> Event:
    return event("run_started", None, version=1, preset="nano", steps=steps, seed=3)


def finished(step: int, **metrics: Json) -> Event:
    return event("step_finished", step, seconds=step * 2.0, metrics=metrics)


def test_what_was_asked_is_remembered_until_it_is_done() -> None:
    state = replay([event("asked", 1, command="checkpoint"), event("asked", 1, command="stop")])
    assert state.asked == {"checkpoint", "stop"}
    state = reduce(state, event("checkpoint", 1, name="step-1", seconds=0.1, best=False))
    assert state.asked == {"stop"}
    for ending in ("run_stopped", "run_finished", "run_failed"):
        assert not reduce(state, event(ending, 1)).asked
    assert not reduce(state, event("resumed", from_step=2, steps=3)).asked


def test_a_run_from_start_to_end() -> None:
    state = replay([start(steps=2)])
    assert (state.status, state.preset, state.steps, state.seed) == (RunStatus.RUNNING, "nano", 2, 3)
    state = replay([event("phase_started", 1, phase="sample", total=256, unit="rollouts")], state)
    assert state.phase is not None
    assert (state.phase.name, state.phase.total, state.phase.done) == ("sample", 256, None)
    state = reduce(state, event("heartbeat", 1, done=100))
    assert state.phase is not None
    assert (state.phase.done, state.phase.total) == (100, 256)
    state = reduce(state, event("phase_finished", 1, phase="sample", seconds=1.5))
    assert state.phase is None
    state = replay([finished(1, a=0.5), finished(2, a=None, b=2), event("checkpoint", 2, best=True)], state)
    assert (state.step, state.checkpoint_step, state.best_step) == (2, 2, 2)
    assert state.metric_names == ("a", "b")
    np.testing.assert_array_equal(state.column("a"), [0.5, np.nan])
    np.testing.assert_array_equal(state.column("b"), [np.nan, 2.0])
    np.testing.assert_array_equal(state.axis("step"), [1, 2])
    np.testing.assert_array_equal(state.axis("seconds"), [2, 4])
    state = reduce(state, event("run_finished", 2, summary={"code": 0.7}))
    assert (state.status, state.summary) == (RunStatus.FINISHED, {"code": 0.7})


def test_pause_and_continue_show() -> None:
    state = replay([start(), event("paused", 1)])
    assert state.status is RunStatus.PAUSED
    assert reduce(state, event("continued", 1)).status is RunStatus.RUNNING


def test_a_failure_keeps_its_remedy() -> None:
    state = replay([start(), event("run_failed", 1, error="the disk is full", remedy="free space")])
    assert (state.status, state.ending, state.remedy) == (RunStatus.FAILED, "the disk is full", "free space")


def test_a_resume_forgets_the_steps_that_are_run_again() -> None:
    story = [start(), *(finished(step, a=step) for step in range(1, 6))]
    story += [
        event("evaluation", 0, split="heldout", when="start", summary={"code": {"mean": 0.4}}),
        event("evaluation", 4, split="validation", when="periodic", summary={"code": {"mean": 0.5}}),
        event("checkpoint", 3, best=True),
        event("notice", 5, level="warning", text="stays"),
        event("run_stopped", 5, reason="SIGTERM"),
    ]
    before = replay(story)
    after = replay([event("resumed", None, from_step=4, steps=12)], before)
    assert (after.step, after.steps, after.status, after.ending) == (3, 12, RunStatus.RUNNING, "")
    assert [point.step for point in after.points] == [1, 2, 3]
    assert [each.step for each in after.evaluations] == [0]
    assert (after.checkpoint_step, after.best_step, after.resumes) == (3, 3, 1)
    assert [notice.text for notice in after.notices] == ["stays"]
    again = replay([finished(4, a=40)], after)
    assert again.column("a").tolist() == [1, 2, 3, 40]
    assert before.column("a").tolist() == [1, 2, 3, 4, 5]


def test_a_resume_from_scratch_forgets_every_step() -> None:
    state = replay([start(), finished(1, a=1), event("checkpoint", 1), event("resumed", None, from_step=1)])
    assert (state.step, len(state.points), state.checkpoint_step, state.steps) == (0, 0, None, 9)


def test_an_evaluation_repeated_after_a_kill_replaces_the_first() -> None:
    once = event("evaluation", 3, split="heldout", when="periodic", summary={"code": {"mean": 0.1}})
    twice = event("evaluation", 3, split="heldout", when="periodic", summary={"code": {"mean": 0.2}})
    state = replay([start(), once, event("resumed", None, from_step=4), twice])
    assert [each.summary.code.mean for each in state.evaluations] == [0.2]
    found = state.evaluation("heldout", "periodic")
    assert found is not None
    assert found.step == 3
    assert state.evaluation("heldout", "end") is None


def test_unknown_events_and_broken_payloads_change_nothing_but_the_time() -> None:
    state = replay([start(), finished(1, a=1)])
    odd = [
        event("from_the_future", 2, seconds=50, x=1),
        event("step_finished", None, metrics={"a": 1}),
        event("heartbeat", 1, done="many"),
        event("resumed", None, from_step="four"),
    ]
    after = replay(odd, state)
    assert (after.step, after.seconds, len(after.points)) == (1, 50, 1)


def test_reducing_leaves_the_old_state_as_it_was() -> None:
    states = [RunState()]
    for each in (start(), finished(1, a=1), finished(2, a=2), finished(3, a=3)):
        states.append(reduce(states[-1], each))
    left = reduce(states[2], finished(2, a=-2))
    assert [len(state.points) for state in states] == [0, 0, 1, 2, 3]
    assert states[-1].column("a").tolist() == [1, 2, 3]
    assert left.column("a").tolist() == [1, -2]


def test_the_latest_word_on_the_sandbox_counts() -> None:
    first = event("sandbox", letter="B", summary="less", reasons=["bwrap is not installed"], remedy="install it")
    state = replay([start(), first])
    assert state.sandbox == Sandbox("B", "less", ("bwrap is not installed",), "install it")
    state = replay([event("resumed", from_step=1, steps=9), event("sandbox", letter="D", reasons=None)], state)
    assert state.sandbox == Sandbox("D", "")
    assert not state.sandbox.confined


def test_reducing_live_and_replaying_the_journal_agree(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    live = RunState()
    with JournalWriter(path) as writer:
        live = reduce(live, writer.run_started(preset="nano", steps=2, seed=0))
        live = reduce(live, writer.phase_started(1, "sample", 4, "rollouts"))
        live = reduce(live, writer.step_finished(1, {"a": 1.0, "b": float("nan")}))
        live = reduce(live, writer.evaluation(1, split="heldout", when="end", summary={"bon": {"4x4": {"mean": 0.5}}}))
        live = reduce(live, writer.run_finished(1, {}))
    replayed = replay(read_journal(path))
    assert (replayed.metric_names, replayed.status, replayed.step) == (
        live.metric_names,
        live.status,
        live.step,
    )
    np.testing.assert_array_equal(replayed.column("b"), live.column("b"))
    assert replayed.evaluations[0].summary == live.evaluations[0].summary


PROGRESS = ("phase_started", "phase_finished", "heartbeat")
SOME_KINDS = st.sampled_from([*PROGRESS, "step_finished", "resumed", "paused", "notice", "asked"])


@given(st.lists(st.tuples(SOME_KINDS, st.none() | st.integers(1, 9)), max_size=40), st.integers(1, 9))
def test_without_stale_progress_a_journal_tells_the_same(told: list[tuple[str, int | None]], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        with JournalWriter(path) as writer:
            writer.run_started(preset="nano", steps=9, seed=0)
            for kind, step in told:
                data: dict[str, object] = {"phase": "sample", "total": step, "done": 1, "metrics": {"x": 1.0}}
                writer.append(EventKind(kind), step, data | {"from_step": step, "command": "stop", "text": "so"})
        whole, reader, state = read_journal(path), JournalReader(path), RunState()
        for end in range(limit, len(whole) + limit, limit):
            state = replay(reader.poll(limit, stale=False), state)
            assert state == replay(whole[:end])
            assert reader.behind == (end < len(whole))


def test_50k_events_reduce_in_about_a_second() -> None:
    metrics: dict[str, Json] = {f"room/metric_{number}": float(number) for number in range(50)}
    events = [start(), *(event("step_finished", step, metrics=metrics) for step in range(1, 25_000))]
    events += [event("notice", 1, level="info", text="x")] * 25_000
    began = time.process_time()
    state = replay(events)
    assert time.process_time() - began < 2.0
    assert len(state.points) == 24_999


@given(st.lists(st.one_of(st.integers(0, 9), st.integers(-9, -1))))
def test_a_history_behaves_as_a_tuple(moves: list[int]) -> None:
    """Non-negative: append; negative: cut to that many items. All earlier histories stay as they were."""
    history: History[int] = History()
    expected: tuple[int, ...] = ()
    family = [(history, expected)]
    for move in moves:
        if move >= 0:
            history, expected = history.append(move), (*expected, move)
        else:
            history, expected = history.first(-move), expected[:-move]
        family.append((history, expected))
    for each, items in family:
        assert tuple(each) == each[:] == items
        assert len(each) == len(items)
        assert each[::-1] == items[::-1]
    with pytest.raises(IndexError):
        history[len(expected)]
    assert history == History(expected)
