"""Connection to the web server before it is a page: in a bounded number, each for a bounded time."""

from __future__ import annotations

import asyncio

from aiohttp import web

MOST_WAITING = 256
SECONDS_TO_WAIT = 20.0


class Connection(web.RequestHandler):
    """Connection of any client, whether it sends requests, half a request or nothing.

    It waits until it closes or belongs to a page. Pages have a bound of their own.
    """

    __slots__ = ("_waiting",)

    def __init__(self, server: web.Server, waiting: dict[Connection, asyncio.TimerHandle]) -> None:
        """Take part in `waiting`, all connections that wait at this server, in the order of their last signs of life.

        lingering_time: a body that nobody reads is not waited for.
        """
        super().__init__(server, loop=asyncio.get_running_loop(), lingering_time=0.0)
        self._waiting = waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self._waiting) >= MOST_WAITING:
            next(iter(self._waiting)).drop()
        self._waiting[self] = asyncio.get_running_loop().call_later(SECONDS_TO_WAIT, self.drop)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.keep()
        super().connection_lost(exc)

    def ask(self) -> None:
        """Note a request: silent connections give way first."""
        if timer := self._waiting.pop(self, None):
            self._waiting[self] = timer

    def keep(self) -> None:
        """Lift the bounds: the connection has ended, or is a page's."""
        if timer := self._waiting.pop(self, None):
            timer.cancel()

    def drop(self) -> None:
        """Close the connection at once, without sending what a slow reader has not taken."""
        self.keep()
        if self.transport is not None:
            self.transport.abort()
