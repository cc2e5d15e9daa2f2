"""Writing of labels as a phase of the run, before its model is loaded: progress, and stops that the user asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType

from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, pending, withdraw
from engine.runs.journal import JournalWriter
from engine.runs.live import LiveWriter
from engine.runs.state import RunState
from engine.train.phase_names import WRITE_TESTS

PHASE = WRITE_TESTS
_BEAT_SECONDS = 5.0
_LOOK_SECONDS = 0.2


class LabellingStopped(Exception):
    """Raised out of the writing when the run is to stop; the answers so far are kept."""


class LabelPhase:
    """Phase that starts with the first progress report; labels that are there already write nothing.

    asked: signals received. recorded: the run's state by its journal, whose last phase may be this one, broken off.
    """

    def __init__(
        self,
        folder: RunFolder,
        journal: JournalWriter,
        asked: Sequence[str],
        recorded: RunState | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._journal, self._asked, self._clock = folder, journal, asked, clock
        self._live = LiveWriter(folder.live)
        self._began: float | None = None
        self._beat_due = self._look_due = 0.0
        broken_off = recorded.phase if recorded is not None else None
        self._before = 0.0
        if broken_off is not None and broken_off.name == PHASE:
            self._before = max(0.0, broken_off.beat_seconds - broken_off.seconds)

    def __enter__(self) -> LabelPhase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._began is None:
            return
        self._live.clear()
        seconds = self._clock() - self._began
        self._journal.phase_finished(0, PHASE, seconds)
        self._journal.labelled(seconds + self._before)

    def __call__(self, done: int, total: int) -> None:
        """Report `done` of `total` tasks. Raises LabellingStopped."""
        now = self._clock()
        if self._began is None:
            self._began = now
            self._journal.phase_started(0, PHASE, total, "tasks")
            self._live.start_phase(PHASE, total, done)
        if now >= self._look_due:
            self._look_due = now + _LOOK_SECONDS
            self._obey()
        if now >= self._beat_due:
            self._beat_due = now + _BEAT_SECONDS
            self._journal.heartbeat(0, done=done, total=total)
        if self._live.due:
            self._live.progress(done)
            self._live.flush()

    def _obey(self) -> None:
        if self._asked:
            raise LabellingStopped(self._asked[0])
        for command in (Command.STOP, Command.STOP_NOW):
            if command in pending(self._folder.inbox):
                withdraw(self._folder.path, command)
                raise LabellingStopped("stopped by the user")
