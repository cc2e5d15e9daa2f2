"""Progress of a phase: what is done, how fast, and how long it takes; known answers are no achievement."""

from __future__ import annotations

import io

import pytest

from cure_tui.headless.views import LineView
from cure_tui.runs.phase_progress import progress_of
from engine.runs.events import Event
from engine.runs.live import LiveView
from engine.runs.state import Phase, RunState, reduce, replay

BEGUN = Event("phase_started", 0, 100.0, 0.0, {"phase": "evaluate heldout", "total": 640, "unit": "answers"})


def beat(seconds: float, done: int, sampled: int, tokens: int) -> Event:
    data = {"done": done, "total": 640, "sampled": sampled, "tokens": tokens}
    return Event("heartbeat", 0, 100.0 + seconds, 0.0, data)


def phase(*events: Event) -> Phase | None:
    return replay([BEGUN, *events]).phase


def test_rate_and_time_left_count_what_was_sampled_since_the_start() -> None:
    progress = progress_of(phase(beat(0, 300, 0, 0), beat(50, 340, 40, 50_000)))
    assert progress is not None
    assert (progress.rate, progress.token_rate, progress.left) == (0.8, 1000, pytest.approx(375))
    assert str(progress) == "evaluate heldout: 340/640 answers, 1,000 tok/s, 6:15 left"


def test_before_the_first_answer_tokens_show_that_it_works() -> None:
    assert str(progress_of(phase(beat(60, 0, 0, 30_000)))) == "evaluate heldout: 0/640 answers, 500 tok/s"


def test_a_phase_without_progress_has_none() -> None:
    assert progress_of(None) is None
    assert progress_of(phase()) is None
    assert progress_of(phase(Event("heartbeat", 0, 101.0, 0.0, {"done": None, "total": None}))) is None


def test_the_wall_knows_the_newest_count() -> None:
    live = LiveView(0.0, "evaluate heldout", 350, 640, ())
    progress = progress_of(phase(beat(50, 340, 40, 50_000)), live)
    assert progress is not None
    assert progress.counts == "350/640"


def test_a_pipe_is_told_of_a_long_phase_twice_a_minute() -> None:
    stream = io.StringIO()
    view, state = LineView(stream, 0.0), RunState()
    for event in (BEGUN, *(beat(seconds, seconds, seconds, seconds * 100) for seconds in range(5, 100, 5))):
        state = reduce(state, event)
        view.show(event, state)
    lines = stream.getvalue().splitlines()
    assert [line.split()[2] for line in lines] == ["30/640", "60/640", "90/640"]
    assert lines[0] == "evaluate heldout: 30/640 answers, 100 tok/s, 10:10 left"
