"""The samples of one call over the servers.

A prompt's samples stay together, for a server computes a prompt once. The server with least to do gets the next
prompt. What a lost server had not ended goes to the others, from its first token and with the same seeds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.sampling.endpoint.server import Piece, Server, ServerLost
from engine.sampling.sample_under_way import SampleUnderWay

_WATCH_SECONDS = 1.0

AskFor: TypeAlias = Callable[[Server, SampleUnderWay], AsyncIterator[Piece]]
"""A sample of a server, piece by piece."""


class AllLost(Exception):
    """No server is left, and samples are."""


@dataclass(frozen=True)
class Gained:
    """News of a sample: a piece of it, or None: it begins anew."""

    sample: SampleUnderWay
    piece: Piece | None


@dataclass(frozen=True)
class Lost:
    """A server is not asked any more. unfinished: samples that go to others."""

    server: Server
    reason: str
    unfinished: int


@dataclass(eq=False)
class _Line:
    """A server and what it is working on."""

    server: Server
    tasks: dict[asyncio.Task[None], SampleUnderWay] = field(default_factory=dict)


class Spreading:
    """`tell` hears of every piece and every loss, in the event loop's thread."""

    def __init__(
        self,
        servers: Sequence[Server],
        groups: Sequence[Sequence[SampleUnderWay]],
        ask_for: AskFor,
        tell: Callable[[Gained | Lost], None],
        *,
        capacity: int,
        hang_seconds: float,
    ) -> None:
        self._lines = [_Line(server) for server in servers]
        self._waiting = deque(list(group) for group in groups)
        self._ask_for, self._tell = ask_for, tell
        self._capacity, self._hang_seconds = capacity, hang_seconds
        self._dropped: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until all have ended. Raises AllLost, and what `ask_for` raises but for ServerLost."""
        try:
            while self._waiting or self._running:
                self._hand_out()
                if not self._running:
                    raise AllLost
                await asyncio.wait(self._running, timeout=_WATCH_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for line in tuple(self._lines):
                    self._look_at(line)
        finally:
            left = [*self._running, *self._dropped]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    @property
    def _running(self) -> list[asyncio.Task[None]]:
        return [task for line in self._lines for task in line.tasks]

    def _hand_out(self) -> None:
        while self._waiting and self._lines:
            line = min(self._lines, key=lambda line: len(line.tasks))
            group = self._waiting[0]
            if line.tasks and len(line.tasks) + len(group) > self._capacity:
                return
            self._waiting.popleft()
            if not line.tasks:
                line.server.heard = time.monotonic()  # its patience begins with its work
            for sample in group:
                line.tasks[asyncio.create_task(self._draw(line.server, sample))] = sample

    async def _draw(self, server: Server, sample: SampleUnderWay) -> None:
        ended = False
        try:
            async for piece in self._ask_for(server, sample):
                self._tell(Gained(sample, piece))
                ended = bool(piece.ended)
        except ServerLost:
            if not ended:  # all was heard; what matters not is that the stream did not close in good order
                raise

    def _look_at(self, line: _Line) -> None:
        for task in [task for task in line.tasks if task.done()]:
            fault = task.exception()
            if isinstance(fault, ServerLost):
                self._lose(line, fault.reason)
                return
            if fault is not None:
                raise fault
            del line.tasks[task]
        if line.tasks and time.monotonic() - line.server.heard > self._hang_seconds:
            self._lose(line, f"nothing came from it for {self._hang_seconds:g} s")

    def _lose(self, line: _Line, reason: str) -> None:
        self._lines.remove(line)
        unfinished = [sample for task, sample in line.tasks.items() if not _ended_well(task)]
        for task in line.tasks:
            task.cancel()
        self._dropped.update(line.tasks)
        self._tell(Lost(line.server, reason, len(unfinished)))
        by_prompt: dict[str, list[SampleUnderWay]] = {}
        for sample in unfinished:
            self._tell(Gained(sample, None))
            by_prompt.setdefault(sample.request.id, []).append(sample)
        self._waiting.extendleft(by_prompt.values())


def _ended_well(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
