"""Connections to a web server of ours: in a bounded number, each for a bounded time, quiet about strangers' mistakes.

aiohttp is an optional dependency, which whatever serves has installed: `engine.servers` does not import this file.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.http import HttpProcessingError

from engine.errors import ConfigError

MOST_WAITING = 256
SECONDS_TO_WAIT = 20.0
SECONDS_TO_CLOSE = 3.0


class Connection(web.RequestHandler):
    """Connection of any client, whether it sends requests, half a request or nothing.

    It waits, and is bounded, but while it is kept: what keeps it has a bound of its own.
    """

    __slots__ = ("_waiting",)

    def __init__(
        self, server: web.Server, waiting: dict[Connection, asyncio.TimerHandle], lingering_time: float = 0.0
    ) -> None:
        """Take part in `waiting`, all connections that wait at this server, in the order of their last signs of life.

        lingering_time: seconds in which a body that no handler has read is taken and discarded, so that its sender
        gets to read the answer.
        """
        super().__init__(server, loop=asyncio.get_running_loop(), lingering_time=lingering_time)
        self._waiting = waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self._waiting) >= MOST_WAITING:
            next(iter(self._waiting)).drop()
        self.wait()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.keep()
        super().connection_lost(exc)

    def ask(self) -> None:
        """Note a request: silent connections give way first."""
        if timer := self._waiting.pop(self, None):
            self._waiting[self] = timer

    def keep(self) -> None:
        """Lift the bounds: the connection has ended, or what keeps it has a bound of its own."""
        if timer := self._waiting.pop(self, None):
            timer.cancel()

    def wait(self) -> None:
        """Set the bounds, as for a new connection: what kept it has ended."""
        self.keep()
        if self.transport is not None:
            self._waiting[self] = asyncio.get_running_loop().call_later(SECONDS_TO_WAIT, self.drop)

    def drop(self) -> None:
        """Close the connection at once, without sending what a slow reader has not taken."""
        self.keep()
        if self.transport is not None:
            self.transport.abort()


class OwnNames:
    """Names under which a server of this machine may be asked, as a Host header gives them.

    Any other name is another site's, whose owner has pointed it at this machine: to a browser that site's pages are
    then of one origin with ours.
    """

    def __init__(self, listening: socket.socket, host: str) -> None:
        """Name the server that listens on a bound socket. host: the name or address that the user gave for it."""
        self._names = {"localhost", host.lower()}
        if not ipaddress.ip_address(listening.getsockname()[0]).is_loopback:
            self._names |= {socket.gethostname().lower(), f"{socket.gethostname()}.local".lower()}

    def __contains__(self, host: str) -> bool:
        """Tell whether a Host header is fit for this server: no one can point a numeric address elsewhere.

        The port may be any: a forwarded one differs from ours.
        """
        host = host.lower()
        name, _, port = host.rpartition(":") if not host.endswith("]") and ":" in host else (host, "", "0")
        if not port.isdecimal():
            return False
        try:
            return name in self._names or bool(ipaddress.ip_address(name.removeprefix("[").removesuffix("]")))
        except ValueError:
            return False


def listen(host: str, port: int) -> socket.socket:
    """Bind the port. Raises ConfigError if it is in use or reserved, or if the host is not this machine."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family)
    except OSError as fault:
        reason = (fault.strerror or str(fault)).partition(" (")[0].lower()
        raise ConfigError(
            f"cannot listen on {host} port {port}: {reason}", "take another --port, or --port 0 for a free one"
        ) from fault


async def serve_until_told(
    app: web.Application,
    listening: socket.socket,
    on_ready: Callable[[], None],
    on_end: Callable[[], Awaitable[None]] | None = None,
    *,
    lingering_time: float = 0.0,
) -> None:
    """Serve `app` over bounded connections until Ctrl-C or SIGTERM, then close them.

    on_ready: called once the server answers. on_end: awaited when no new connections come any more and the old ones are
    still open. lingering_time: as of `Connection`.
    """
    runner = web.AppRunner(app, shutdown_timeout=SECONDS_TO_CLOSE, access_log=None)
    await runner.setup()
    server = runner.server
    assert server is not None
    waiting: dict[Connection, asyncio.TimerHandle] = {}
    told_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, told_to_end.set)
    door = await loop.create_server(lambda: Connection(server, waiting, lingering_time), sock=listening)
    on_ready()
    await told_to_end.wait()
    door.close()
    if on_end is not None:
        await on_end()
    await runner.cleanup()


def connection_of(request: web.Request) -> Connection:
    """Return the connection on which a request has come."""
    assert isinstance(request.protocol, Connection)
    return request.protocol


def log_own_errors() -> None:
    """Log this server's own errors alone; aiohttp also warns, in their words, of what strangers send."""
    logging.getLogger("aiohttp").setLevel(logging.ERROR)
    handler = logging.StreamHandler()
    handler.addFilter(_is_error)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])


def _is_error(record: logging.LogRecord) -> bool:
    """Return False for a client that vanished while the server was sending to it, and for what strangers get wrong.

    InvalidStateError: asyncio's, when a connection is dropped between two parts of a file that it sends.
    """
    no_errors = (ConnectionError, HttpProcessingError, asyncio.InvalidStateError)
    return record.exc_info is None or not isinstance(record.exc_info[1], no_errors)
