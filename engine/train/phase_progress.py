"""Progress of a phase for those who watch: the wall of answers, and heartbeats in the journal with rate and count."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from engine.rollouts.live_wall import LiveFeed
from engine.rollouts.observer import Judgement, RolloutKey
from engine.runs.journal import JournalWriter
from engine.sampling import Completion

FIRST_BEAT_SECONDS, SLOWEST_BEAT_SECONDS = 5.0, 60.0
"""Between heartbeats at first, and in a phase of hours: a journal of heartbeats would be slow to read."""

_BEATS_PER_ELAPSED = 50


class PhaseProgress:
    """Observer of rollouts that counts answers and tokens of the phase, and passes everything on to the wall."""

    def __init__(self, journal: JournalWriter, wall: LiveFeed, clock: Callable[[], float] = time.monotonic) -> None:
        self._journal, self._wall, self._clock = journal, wall, clock
        self._step = self._total = self._known = 0
        self._sampled = self._tokens = 0
        self._started = self._due = 0.0

    def start(self, step: int, phase: str, total: int = 0, known: int = 0) -> None:
        """Start a phase with `total` answers, of which `known` need not be sampled; 0 for a phase without answers."""
        self._step, self._total, self._known = step, total, known
        self._sampled = self._tokens = 0
        self._started = self._clock()
        self._due = self._started + FIRST_BEAT_SECONDS
        self._journal.phase_started(step, phase, total or None, "answers" if total else "")
        self._wall.start_phase(phase, total, known)
        if known:
            self._beat()

    def on_tokens(self, key: RolloutKey, token_ids: Sequence[int]) -> None:
        self._wall.on_tokens(key, token_ids)
        self._tokens += len(token_ids)
        self._beat_if_due()

    def on_completion(self, key: RolloutKey, completion: Completion) -> None:
        self._wall.on_completion(key, completion)
        self._sampled += 1
        self._beat_if_due()

    def on_judgement(self, key: RolloutKey, judgement: Judgement) -> None:
        self._wall.on_judgement(key, judgement)

    def _beat_if_due(self) -> None:
        now = self._clock()
        if now >= self._due:
            pause = (now - self._started) / _BEATS_PER_ELAPSED
            self._due = now + min(max(FIRST_BEAT_SECONDS, pause), SLOWEST_BEAT_SECONDS)
            self._beat()

    def _beat(self) -> None:
        done = self._known + self._sampled
        self._journal.heartbeat(self._step, done=done, total=self._total, sampled=self._sampled, tokens=self._tokens)
