"""Following of a run for a tracker: its journal is read as it grows, new steps and evaluations are sent, once each."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from heapq import merge
from itertools import islice

from cure_tui.runs.tracking.content import evaluation_numbers, settings, step_numbers, step_tables
from cure_tui.runs.tracking.place import Place, PlaceFile
from cure_tui.runs.tracking.tracker import Numbers, TrackedRun, Tracker
from engine.errors import RunError
from engine.machine.home import cleaned_id
from engine.runs.events import Event, EventKind
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalReader
from engine.runs.listing import RunCondition, condition_of, read_pulse
from engine.runs.state import RunState, replay
from engine.runs.values import is_whole

POLL_SECONDS = 1.0
_EVENTS_A_ROUND = 20_000
_SENT_A_NOTE = 200


class Follower:
    """Sender of one run to one tracker. `kept`: the place noted last, where a process after this one goes on.

    skipped: lines of the journal that are no events; tables_fault: why tables were left out, "" if none was.
    """

    def __init__(self, folder: RunFolder, tracker: Tracker, places: PlaceFile, *, tables_every: int) -> None:
        self._folder, self._tracker, self._places, self._tables_every = folder, tracker, places, tables_every
        self._reader = JournalReader(folder.journal)
        self._resumed_from: list[int] = []
        self._tables_sent = 0
        self.is_open = False
        self.state = RunState()
        self.kept = self._place = Place()
        self.tables_fault = ""

    @property
    def skipped(self) -> int:
        return self._reader.skipped

    def follow(self, *, wait: Callable[[float], object] = time.sleep) -> RunCondition:
        """Send what comes until the run ends; return its condition. Raises RunError."""
        while (condition := self.send_new()) is RunCondition.LIVE:
            wait(POLL_SECONDS)
        return condition

    def send_new(self) -> RunCondition:
        """Send what the journal has gained, note the place, and return the run's condition. Raises RunError."""
        pulse = read_pulse(self._folder)
        self._read()
        if self.state.started is not None or self.state.points:
            if not self.is_open:
                self._open()
            self._go_back()
            self._send()
        return condition_of(self.state, pulse)

    def _read(self) -> None:
        while True:
            events = self._reader.poll(_EVENTS_A_ROUND, stale=False)
            events = list(_with_lost_resumptions(events, self.state.step))
            self.state = replay(events, self.state)
            self._resumed_from += [
                max(0, step)
                for event in events
                if event.kind == EventKind.RESUMED and is_whole(step := event.data.get("from_step"))
            ]
            if not self._reader.behind:
                return

    def _open(self) -> None:
        run = TrackedRun(cleaned_id(self._folder.id), self.state.started)
        self._place = self._places.read(run.key)
        self._tables_sent = self._place.highest  # not all trackers can take texts back
        run = replace(run, generation=self._place.generation)
        self._send_from(self._tracker.open(run, settings(self._folder), self._place.step))
        if self._place.step == 0:
            self._tables_sent = -1
        self.is_open = True

    def _go_back(self) -> None:
        """Take back the steps that are run again since the place was noted."""
        before = self._place
        first = min(self._resumed_from[before.resumes :], default=before.highest + 1)
        if first <= before.highest:
            # A kill in the middle of it leaves a place from which a later process does it all again.
            self._places.note(replace(before, step=0, sent=frozenset()))
            since = self._tracker.rewind(first)
            self._send_from(since)
            self._tables_sent = min(self._tables_sent, since - 1)
            self._place = replace(self._place, highest=since - 1, generation=before.generation + 1)
        self._place = replace(self._place, resumes=len(self._resumed_from))

    def _send_from(self, step: int) -> None:
        """Forget that steps >= `step` were sent."""
        sent = frozenset(each for each in self._place.sent if each[0] < step)
        self._place = replace(self._place, step=min(self._place.step, step), sent=sent)

    def _send(self) -> None:
        for number, numbers in enumerate(self._unsent(), start=1):
            self._tracker.metrics(numbers)
            if not numbers.part:
                self._send_tables(numbers)
            step = max(self._place.step, numbers.step)
            sent = frozenset(each for each in self._place.sent if each[0] >= step) | {(numbers.step, numbers.part)}
            self._place = replace(self._place, step=step, sent=sent, highest=max(self._place.highest, step))
            if number % _SENT_A_NOTE == 0:
                self._keep()
        self._keep()

    def _keep(self) -> None:
        """Note the place once everything is kept: after a kill between the two, the same is sent again."""
        self._tracker.flush()
        if self._place != self.kept:
            self._places.note(self._place)
            self.kept = self._place

    def _unsent(self) -> Iterator[Numbers]:
        """Yield what is to be sent, by step; an evaluation follows its step. Lazy: a run may have 100,000 steps."""
        points, first, sent = self.state.points, self._place.step, self._place.sent
        start = bisect_left(points, first, key=lambda point: point.step)
        steps = (
            Numbers(point.step, point.time, "", step_numbers(point))
            for point in islice(points, start, None)
            if (point.step, "") not in sent
        )
        evaluations: dict[tuple[int, str], Numbers] = {}
        for evaluation in self.state.evaluations:
            key = evaluation.step, cleaned_id(evaluation.split)
            if evaluation.step >= first and key not in sent:
                when = (self.state.started or 0.0) + evaluation.seconds
                evaluations[key] = Numbers(key[0], when, key[1], evaluation_numbers(evaluation))
        return merge(steps, (evaluations[key] for key in sorted(evaluations)), key=lambda each: (each.step, each.part))

    def _send_tables(self, numbers: Numbers) -> None:
        step = numbers.step
        if not self._tables_every or step % self._tables_every or step <= self._tables_sent:
            return
        try:
            tables = step_tables(self._folder, step)
        except RunError as error:  # the numbers do not depend on the archive
            self.tables_fault = self.tables_fault or error.message
            return
        for table in tables:
            self._tracker.table(step, numbers.time, table)


def _with_lost_resumptions(events: Iterable[Event], step: int) -> Iterator[Event]:
    """Yield the events, and a resumption where steps begin again without one: its line was damaged."""
    for event in events:
        if event.kind == EventKind.STEP_FINISHED and event.step is not None:
            if event.step <= step:
                yield Event(EventKind.RESUMED, None, event.seconds, event.time, {"from_step": event.step})
            step = event.step
        elif event.kind == EventKind.RESUMED and is_whole(first := event.data.get("from_step")):
            step = max(0, first - 1)
        yield event
