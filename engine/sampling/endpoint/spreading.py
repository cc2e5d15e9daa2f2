"""Load balancing and failover of one call's samples over the servers.

The samples of a prompt stay together, because a server computes a prompt once. The least loaded server gets the next
prompt. When a server is lost, the others restart its unfinished samples with the same seeds.
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
"""Streams a sample from a server, piece by piece."""


class AllLost(Exception):
    """No server is left to draw the remaining samples."""


@dataclass(frozen=True)
class Gained:
    """News of a sample: its next piece, or None when it restarts on another server."""

    sample: SampleUnderWay
    piece: Piece | None


@dataclass(frozen=True)
class Lost:
    """News that a server failed. unfinished: how many of its samples the others take over."""

    server: Server
    reason: str
    unfinished: int


@dataclass(eq=False)
class _Peer:
    """A server and its running tasks."""

    server: Server
    tasks: dict[asyncio.Task[None], SampleUnderWay] = field(default_factory=dict)


class Spreading:
    """Scheduler of one call. Calls `tell` for every piece and every lost server, in the event loop's thread."""

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
        self._peers = [_Peer(server) for server in servers]
        self._waiting = deque(list(group) for group in groups)
        self._ask_for, self._tell = ask_for, tell
        self._capacity, self._hang_seconds = capacity, hang_seconds
        self._dropped: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run until every sample has ended. Raises AllLost, and what `ask_for` raises except ServerLost."""
        try:
            while self._waiting or self._running:
                self._hand_out()
                if not self._running:
                    raise AllLost
                await asyncio.wait(self._running, timeout=_WATCH_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                for peer in tuple(self._peers):
                    self._look_at(peer)
        finally:
            left = [*self._running, *self._dropped]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    @property
    def _running(self) -> list[asyncio.Task[None]]:
        return [task for peer in self._peers for task in peer.tasks]

    def _hand_out(self) -> None:
        while self._waiting and self._peers:
            peer = min(self._peers, key=lambda peer: len(peer.tasks))
            group = self._waiting[0]
            if peer.tasks and len(peer.tasks) + len(group) > self._capacity:
                return
            self._waiting.popleft()
            if not peer.tasks:
                peer.server.last_heard = time.monotonic()  # idle until now: its timeout starts here
            for sample in group:
                peer.tasks[asyncio.create_task(self._draw(peer.server, sample))] = sample

    async def _draw(self, server: Server, sample: SampleUnderWay) -> None:
        ended = False
        try:
            async for piece in self._ask_for(server, sample):
                self._tell(Gained(sample, piece))
                ended = bool(piece.ended)
        except ServerLost:
            if not ended:  # after the last piece it does not matter how the stream closed
                raise

    def _look_at(self, peer: _Peer) -> None:
        for task in [task for task in peer.tasks if task.done()]:
            fault = task.exception()
            if isinstance(fault, ServerLost):
                self._lose(peer, fault.reason)
                return
            if fault is not None:
                raise fault
            del peer.tasks[task]
        if peer.tasks and time.monotonic() - peer.server.last_heard > self._hang_seconds:
            self._lose(peer, f"it sent nothing for {self._hang_seconds:g} s")

    def _lose(self, peer: _Peer, reason: str) -> None:
        self._peers.remove(peer)
        unfinished = [sample for task, sample in peer.tasks.items() if not _ended_well(task)]
        for task in peer.tasks:
            task.cancel()
        self._dropped.update(peer.tasks)
        self._tell(Lost(peer.server, reason, len(unfinished)))
        by_prompt: dict[str, list[SampleUnderWay]] = {}
        for sample in unfinished:
            self._tell(Gained(sample, None))
            by_prompt.setdefault(sample.request.id, []).append(sample)
        self._waiting.extendleft(by_prompt.values())


def _ended_well(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
