"""Feed of the wall of live rollouts: the newest text of some answers being sampled, and judgements on finished ones.

The wall has as many slots for programs as for tests. A finished answer keeps its slot, so that its judgement can be
read, until an answer that is being sampled needs it: the slot idle for longest is reassigned first.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.prompts import Program, Role, UnitTest, parse_program, parse_unit_test
from engine.rollouts.observer import Judgement, RolloutKey
from engine.runs.live import SLOTS, LiveWriter
from engine.sampling import Completion

Decode = Callable[[Sequence[int]], str]
LINGER_SECONDS = 2.0
"""Minimum time that a finished answer keeps its slot, from its last event."""

_SLOTS_PER_ROLE = SLOTS // 2
_TAIL_TOKENS = 200
"""Tokens decoded per slot; decoding the whole of a long answer at every rewrite would be quadratic in its length."""


@dataclass
class _Shown:
    """Answer being sampled, or shown on the wall. at_rest: time of its last event; None while it is sampled.
    began: time at which it was first heard of, with tokens or as one that is waited for.

    decode, thread: what decodes its tokens, and the thread that samples them, the only one that may.
    """

    key: RolloutKey
    began: float = 0.0
    text: str = ""
    found: str = ""
    newest: deque[int] = field(default_factory=lambda: deque(maxlen=_TAIL_TOKENS))
    tokens: int = 0
    state: str = "sampling"
    judgement: Judgement | None = None
    slot: int | None = None
    at_rest: float | None = None
    decode: Decode | None = None
    thread: int = 0


class LiveFeed:
    """Observer of rollouts that writes the wall's file.

    Text is decoded only when the file is rewritten, at most 15 times a second, and only in the thread that samples:
    tokenizers are not thread-safe. decode: of the one model, where `on_tokens` is given none.
    """

    def __init__(self, path: Path, decode: Decode | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.writer, self._decode, self._clock = LiveWriter(path, clock=clock), decode, clock
        self._lock = threading.Lock()  # judgements come from the executor's threads
        self._answers: dict[RolloutKey, _Shown] = {}
        self._wall: dict[int, _Shown] = {}
        self._changed: set[int] = set()
        self._done = self._total = 0

    def start_phase(self, phase: str, total: int, done: int = 0) -> None:
        """Start a phase of `total` answers, or 0, `done` of them known; slots of earlier phases may be reassigned."""
        with self._lock:
            self._done, self._total = done, total
            for shown in self._wall.values():
                if shown.at_rest is not None:
                    shown.at_rest = float("-inf")
            self._put_changes(decode=True)
            self.writer.start_phase(phase, total, done)

    def on_tokens(self, key: RolloutKey, token_ids: Sequence[int], decode: Decode | None = None) -> None:
        """Add tokens to an answer; none at all: it is waited for, as by samplers that give whole answers alone."""
        with self._lock:
            shown = self._answers.get(key)
            if shown is None or shown.at_rest is not None:  # the latter: the task was drawn again in a later step
                shown = self._begin(key)
            shown.decode, shown.thread = decode or self._decode, threading.get_ident()
            shown.newest.extend(token_ids)
            shown.tokens += len(token_ids)
            if shown.slot is None:
                self._take_slot(shown)
            if shown.slot is not None:
                self._changed.add(shown.slot)
            if self.writer.due:
                self._put_changes(decode=True)
                self.writer.flush()

    def on_completion(self, key: RolloutKey, completion: Completion) -> None:
        with self._lock:
            self._done += 1
            self.writer.progress(self._done)
            shown = self._answers.get(key)
            if shown is None:
                return
            self._end(shown, completion.text, finished=completion.finished)

    def show_answer(self, key: RolloutKey, text: str, tokens: int, *, finished: bool) -> None:
        """Show a whole answer, whether its tokens were seen or not."""
        with self._lock:
            self._done += 1
            self.writer.progress(self._done)
            shown = self._answers.get(key)
            if shown is None or shown.at_rest is not None:
                shown = self._begin(key)
            if shown.slot is None:
                self._take_slot(shown)
            shown.tokens = tokens
            self._end(shown, text, finished=finished)

    def on_judgement(self, key: RolloutKey, judgement: Judgement) -> None:
        with self._lock:
            shown = self._answers.get(key)
            if shown is not None and shown.at_rest is not None:
                shown.judgement = judgement
                self._rest(shown)

    def close(self) -> None:
        with self._lock:
            self.writer.clear()

    # With the lock held -----------------------------------------------------------------------------------------

    def _begin(self, key: RolloutKey) -> _Shown:
        before = self._answers.get(key)
        shown = self._answers[key] = _Shown(key, self._clock())
        if before is not None and before.slot is not None:
            self._hang(shown, before.slot)
        return shown

    def _end(self, shown: _Shown, text: str, *, finished: bool) -> None:
        shown.state = "done" if finished else "truncated"
        shown.text = text
        if shown.slot is not None:
            shown.found = found_in(shown.key.role, text)
        self._rest(shown)
        if shown.slot is None:
            del self._answers[shown.key]

    def _take_slot(self, shown: _Shown) -> None:
        first = _SLOTS_PER_ROLE if shown.key.role is Role.TESTER else 0
        places = range(first, first + _SLOTS_PER_ROLE)
        free = next((place for place in places if place not in self._wall), None)
        if free is None:
            rested = [(at_rest, place) for place in places if (at_rest := self._wall[place].at_rest) is not None]
            if not rested or min(rested)[0] > self._clock() - LINGER_SECONDS:
                return
            free = min(rested)[1]
            del self._answers[self._wall[free].key]
        self._hang(shown, free)

    def _hang(self, shown: _Shown, slot: int) -> None:
        shown.slot = slot
        self._wall[slot] = shown

    def _rest(self, shown: _Shown) -> None:
        shown.at_rest = self._clock()
        if shown.slot is not None:
            self._changed.add(shown.slot)
        if self.writer.due or not self._total:  # no later event would write a phase's last judgements
            self._put_changes(decode=False)
            self.writer.flush()

    def _put_changes(self, *, decode: bool) -> None:
        """Pass the changed slots to the writer; of answers being sampled those of this thread, and none of them
        without `decode`.
        """
        here = threading.get_ident()
        for slot in sorted(self._changed):
            shown = self._wall[slot]
            if shown.at_rest is None:
                if not decode or shown.thread != here or shown.decode is None:
                    continue
                shown.text = shown.decode(list(shown.newest))
            self._changed.remove(slot)
            judgement = shown.judgement
            judged = ("", 0, 0) if judgement is None else (judgement.finding, judgement.passed, judgement.of)
            waits = shown.at_rest is None and not shown.tokens
            waiting = int(self._clock() - shown.began) if waits else 0
            answer = shown.key.role, shown.key.task, shown.text, shown.tokens, shown.state
            self.writer.update(slot, *answer, *judged, waiting, shown.found)


def found_in(role: Role, text: str) -> str:
    """Return the program of an answer, or its test as input -> output; "" if neither is found.

    The end of an answer, which is what a reader sees while it grows, is an explanation or a closing fence.
    """
    if role is Role.CODER:
        program = parse_program(text)
        return program.source.strip("\n") if isinstance(program, Program) else ""
    test = parse_unit_test(text)
    return f"{test.input.strip()}\n→ {test.output.strip()}" if isinstance(test, UnitTest) else ""
