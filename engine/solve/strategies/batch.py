"""Batch of questions under way: answers as they arrive, with a stop and an account of its own.

Each writer has a thread of its own (coder and tester may be one writer). Threads put what they have into the inbox of
the session, marked with their batch, so that an answer which comes late is counted and never reaches a later stage.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from engine.rollouts.executing import ProgramRun
from engine.solve.strategies.parts import Part, Question
from engine.solve.writers import Account, Answer, Ask, Remote, Stoppable, Writer

_HANDING_OVER_SECONDS = 1.0
"""Time in which a local model hands over its unfinished answers once sampling has ended."""
_PAID_SECONDS = 2.0
"""Patience, once sampling has ended, with answers that a server is paid for already."""
_JOIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Executed:
    """Outcomes of one program of the board."""

    row: int
    run: ProgramRun


@dataclass(frozen=True, slots=True)
class Answered:
    """Answer to a question of a batch."""

    batch: Batch
    answer: Answer


@dataclass(frozen=True, slots=True)
class WriterDone:
    """End of a writer's thread. fault: a CureError, or a defect."""

    batch: Batch
    fault: Exception | None = None


Item = Executed | Answered | WriterDone | None
"""Item of the inbox; None only wakes the session."""
Inbox = queue.SimpleQueue[Item]


class Turns(Protocol):
    """The part of a session that a batch needs: it takes items from the inbox, one a turn."""

    inbox: Inbox

    def turn(self) -> None: ...

    def drain(self) -> None: ...

    def finished(self, batch: Batch) -> None: ...


class Batch:
    """Iterator over the answers to `questions`. Used as a context it is closed at its end, whatever happens.

    enough: looked at from time to time; the words that it returns end the batch, and are its `note`. writers: of its
    questions, each once. fault: what ended a writer. until: when to wait for writers no longer, of `time.monotonic`.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        turns: Turns,
        account: Account,
        stage: str,
        enough: Callable[[], str] | None = None,
    ) -> None:
        self.stage, self.enough = stage, enough
        self.note = ""
        self.fault: Exception | None = None
        self.until = math.inf
        self.writers: list[Writer] = []
        self._turns, self._account = turns, account
        self._parts = {question.ask.id: question.part for question in questions}
        self._asked_of = {question.ask.id: question.writer for question in questions}
        self._held: list[Answer] = []  # cut off, and not known yet whether they begin inside a thought
        self._answers: deque[Answer] = deque()
        self._stop = threading.Event()
        self._is_open = True
        account.closed = False
        by_writer = _by_writer(questions)
        self.writers = [writer for writer, _ in by_writer]
        self._writing = len(by_writer)
        self._threads = {
            threading.Thread(target=self._write, args=(writer, asks), name="writer", daemon=True): writer
            for writer, asks in by_writer
        }
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Answer]:
        while True:
            if self._held and (self.is_stopped or not self._writing):
                self._answers += self._held
                self._held = []
            while self._answers:
                yield self._answers.popleft()
            if not self.is_waited_for:
                break
            self._turns.turn()
        self.close()

    @property
    def is_waited_for(self) -> bool:
        """Tell whether answers may still come and are waited for."""
        if not self._is_open or not self._writing:
            return False
        return not self._stop.is_set() or time.monotonic() <= self.until or not self._turns.inbox.empty()

    def part_of(self, answer: Answer) -> Part:
        """Return the part that the answer's writer plays."""
        return self._parts[answer.ask_id]

    @property
    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self, note: str, latest: float = math.inf, *, patient: bool = True) -> None:
        """Ask for no more, and set the time for which answers under way are awaited, `latest` at most.

        patient: wait for those that a server is paid for.
        """
        self.note = self.note or note
        self._stop.set()
        self._account.closed = True
        patience = 0.0
        for writer in self.writers:
            if isinstance(writer, Stoppable):
                writer.stop()
                patience = max(patience, _HANDING_OVER_SECONDS)
            elif isinstance(writer, Remote) and self._account.waits and patient:
                patience = max(patience, _PAID_SECONDS)
        self.until = min(time.monotonic() + patience, latest)

    def close(self) -> None:
        """End requests in flight. Count answers that come too late to be used, and requests without an answer."""
        if not self._is_open:
            return
        self._stop.set()
        self._account.closed = True
        remote = {thread: writer for thread, writer in self._threads.items() if isinstance(writer, Remote)}
        for writer in remote.values():
            writer.give_up()
        for thread in remote:
            thread.join(_JOIN_SECONDS)
        self._is_open = False
        self._turns.drain()
        self._account.give_all_up()
        self._turns.finished(self)

    def take(self, item: Answered | WriterDone) -> None:
        """Take an item of this batch; the session has counted what it cost."""
        if isinstance(item, WriterDone):
            self._writing -= 1
            self.fault = self.fault or item.fault
        elif self._is_open:
            is_held = isinstance(self._asked_of[item.answer.ask_id], Remote) and not item.answer.finished
            # Read last: others may close a thought that the server's template opens.
            (self._held if is_held else self._answers).append(item.answer)

    def _write(self, writer: Writer, asks: Sequence[Ask]) -> None:
        """Put a writer's answers into the inbox, from a thread of its own."""
        fault: Exception | None = None
        try:
            with closing(writer.write(asks)) as answers:  # type: ignore[type-var]  # generators close, others need not
                for answer in answers:
                    self._turns.inbox.put(Answered(self, answer))
                    if self._stop.is_set() and not isinstance(writer, Remote | Stoppable):
                        break
        except Exception as error:  # noqa: BLE001  (of a defect, too, the session must learn: it waits for this thread)
            fault = error
        self._turns.inbox.put(WriterDone(self, fault))


def _by_writer(questions: Sequence[Question]) -> list[tuple[Writer, list[Ask]]]:
    """Group questions by writer, in the order given: a model in this process answers one after the other."""
    gathered: list[tuple[Writer, list[Ask]]] = []
    for _, writer, ask in questions:
        for known, own in gathered:
            if known is writer:
                own.append(ask)
                break
        else:
            gathered.append((writer, [ask]))
    return gathered
