"""Following of a run for a tracker: its journal is read as it grows, new steps and evaluations are sent, once each."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

from cure_tui.tracking.content import evaluation_numbers, settings, step_numbers, step_tables
from cure_tui.tracking.place import Place, PlaceFile
from cure_tui.tracking.tracker import Tracker
from engine.machine.home import cleaned_id
from engine.runs.events import Event, EventKind
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalReader
from engine.runs.listing import RunCondition, condition_of, read_pulse
from engine.runs.state import RunState, replay
from engine.runs.values import is_whole

POLL_SECONDS = 1.0
_EVENTS_A_ROUND = 20_000


class Follower:
    """Sender of one run to one tracker. `place`: what a process after this one need not send again."""

    def __init__(self, folder: RunFolder, tracker: Tracker, places: PlaceFile, *, tables_every: int) -> None:
        self._folder, self._tracker, self._places, self._tables_every = folder, tracker, places, tables_every
        self._reader = JournalReader(folder.journal)
        self._resumed_from: list[int] = []
        self._sent: set[tuple[int, str]] = set()
        self._is_open = False
        self.state = RunState()
        self.place = places.read()
        self._tables_sent = self.place.step  # texts cannot be taken back

    def follow(self, *, forever: bool, wait: Callable[[float], object] = time.sleep) -> RunCondition:
        """Send what is there and, if `forever`, what follows until the run ends; return its condition."""
        while True:
            condition = self.send_new()
            if not forever or condition is not RunCondition.LIVE:
                return condition
            wait(POLL_SECONDS)

    def send_new(self) -> RunCondition:
        """Send what the journal has gained, note the place, and return the run's condition."""
        pulse = read_pulse(self._folder)
        while True:
            events = self._reader.poll(_EVENTS_A_ROUND, stale=False)
            self.state = replay(events, self.state)
            self._resumed_from += map(_resumed_at, filter(_is_resumption, events))
            if not self._reader.behind:
                break
        self._go_back()
        if not self._is_open:
            self._open()
        self._send()
        self._tracker.flush()  # before the place is noted: a kill between them sends a step again, after a rewind
        self._places.note(self.place)
        return condition_of(self.state, pulse)

    def _go_back(self) -> None:
        """Take back the steps that are run again since the place was noted."""
        steps = self._resumed_from[self.place.resumes :]
        first = min(steps, default=self.place.step)
        self.place = replace(self.place, resumes=len(self._resumed_from))
        if not steps or first > self.place.step:
            return
        self.place = replace(self.place, step=first)
        self._tables_sent = min(self._tables_sent, first - 1)
        if self._is_open:
            self._tracker.rewind(first)
        self._sent = {(step, what) for step, what in self._sent if step < first}

    def _open(self) -> None:
        if not self._tracker.open(cleaned_id(self._folder.id), settings(self._folder), self.place.step):
            self._tables_sent = 0
            self.place = Place(0, self.place.resumes)  # the target is new, or was removed
        self._is_open = True

    def _send(self) -> None:
        """Send steps and evaluations from the place on. Those of the last step are sent again by a later process."""
        points = self.state.points
        start = bisect_left(points, self.place.step, key=lambda point: point.step)
        for evaluation in self.state.evaluations:
            key = (evaluation.step, evaluation.split)  # a resumption makes one at the end a periodic one
            if evaluation.step >= self.place.step and key not in self._sent:
                when = (self.state.started or 0.0) + evaluation.seconds
                self._tracker.metrics(evaluation.step, when, evaluation_numbers(evaluation))
                self._sent.add(key)
        for number in range(start, len(points)):
            point = points[number]
            if (point.step, "") in self._sent:
                continue
            self._tracker.metrics(point.step, point.time, step_numbers(point))
            if self._tables_every and point.step % self._tables_every == 0 and point.step > self._tables_sent:
                for table in step_tables(self._folder, point.step):
                    self._tracker.table(point.step, point.time, table)
            self._sent.add((point.step, ""))
        self.place = replace(self.place, step=max(self.place.step, self.state.step))


def _is_resumption(event: Event) -> bool:
    return event.kind == EventKind.RESUMED and is_whole(event.data.get("from_step"))


def _resumed_at(event: Event) -> int:
    step = event.data["from_step"]
    assert isinstance(step, int)
    return max(0, step)
