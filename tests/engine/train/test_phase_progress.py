"""Heartbeats of a phase: dense at first, rarer in a phase of hours, known answers apart from sampled ones."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from engine.prompts import Role
from engine.rollouts.live_wall import LiveFeed
from engine.rollouts.observer import RolloutKey
from engine.runs.events import Event
from engine.runs.journal import JournalWriter, read_journal
from engine.sampling import Completion
from engine.train.phase_progress import PhaseProgress

KEY = RolloutKey("task/1", Role.CODER, 0)
ANSWER = Completion("0/coder", 0, (1, 2), (-0.1, -0.1), True, "x")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def beats(folder: Path, seconds: int, known: int = 0) -> list[Event]:
    """Return the heartbeats of a phase in which an answer of two tokens ends every second."""
    clock = Clock()
    with JournalWriter(folder / "events.jsonl") as journal:
        journal.run_started(preset="nano", steps=1, seed=0)
        progress = PhaseProgress(journal, LiveFeed(folder / "live", str), clock)
        progress.start(0, "evaluate heldout", 100_000, known)
        for _ in range(seconds):
            clock.now += 1
            progress.on_tokens(KEY, (1, 2))
            progress.on_completion(KEY, ANSWER)
    return [event for event in read_journal(folder / "events.jsonl") if event.kind == "heartbeat"]


def test_a_beat_counts_known_answers_apart(tmp_path: Path) -> None:
    first, second, *_ = beats(tmp_path, 12, known=300)
    assert first.data == {"done": 300, "total": 100_000, "sampled": 0, "tokens": 0}
    assert second.data["done"] == 300 + second.data["sampled"]  # type: ignore[operator]
    assert second.data["sampled"] in (4, 5)


def test_a_phase_of_hours_beats_less_often(tmp_path: Path) -> None:
    found = [event.data["sampled"] for event in beats(tmp_path, 4 * 3600)]
    gaps = [later - earlier for earlier, later in pairwise(found)]  # type: ignore[operator]
    assert min(gaps) >= 5
    assert max(gaps) <= 61
    assert len(found) < 400
