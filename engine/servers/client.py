"""HTTP client of one address. Nothing a server does can outlast the deadline or outgrow the cap of a request.

A deadline holds for the whole request, not for a read: a server that sends one byte now and then is not alive. The
cap counts decoded bytes, as they are decoded, so that a small compressed reply cannot become a large one. A redirect
is followed within the same origin only: another one has not been named by the user, and gets no key.
"""

from __future__ import annotations

import asyncio
import base64
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx2

from engine.servers.addresses import Address, origin_of, usable_proxies
from engine.servers.codings import pieces_async
from engine.servers.replies import one_line

CONNECT_SECONDS = 10.0
_REDIRECTS = {307, 308}
_MAX_REDIRECTS = 3
_HEARD_EVERY = 0.5


class Trouble(StrEnum):
    """Kinds of a request's failure."""

    NO_CONNECTION = "no connection"
    BROKEN = "broken"  # the connection ended in the middle
    TOO_SLOW = "too slow"  # the deadline of the whole request
    SILENT = "silent"
    TOO_LARGE = "too large"
    REDIRECT = "redirect"


class RequestFault(Exception):
    """Request without a reply; the message says why, without the address."""

    def __init__(self, trouble: Trouble, said: str) -> None:
        super().__init__(said)
        self.trouble, self.said = trouble, said


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of one request. seconds: from its start to the last byte. max_bytes: of the decoded reply.

    streams: the reply comes piece by piece, so silence on all connections of the client counts against it.
    """

    seconds: float
    max_bytes: int
    streams: bool = False


@dataclass(slots=True)
class Incoming:
    """Reply whose body is still to come. Both readers raise RequestFault within the request's `send`.

    streamed: the body so far consists of server-sent events.
    """

    status: int
    headers: Mapping[str, str]
    _chunks: AsyncIterator[bytes]
    streamed: bool = False

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self._chunks])

    def pieces(self) -> AsyncIterator[bytes]:
        """Return the body piece by piece, for one that is written to a file."""
        return self._chunks

    async def documents(self) -> AsyncIterator[bytes]:
        """Yield the data of each server-sent event, or a body without events as a whole: servers do as they like."""
        others: list[bytes] = []
        async for line in _lines(self._chunks):
            if line.startswith(b"data:"):
                self.streamed = True
                yield line.removeprefix(b"data:").strip()
            elif not self.streamed:
                others.append(line)
        if not self.streamed and any(others):
            yield b"\n".join(others)


class Client:
    """Client for use in one event loop. silence_seconds: patience with streams while nothing at all arrives.

    key: sent as a bearer token to this address. `heard_at`: time.monotonic() of the latest data.
    """

    def __init__(
        self,
        address: Address,
        key: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        silence_seconds: float = math.inf,
        through_proxies: bool = True,
    ) -> None:
        self.address, self.heard_at = address, time.monotonic()
        self.has_key = bool(key or address.login)
        self._secrets = _secrets(key, address.login)
        self._silence_seconds = silence_seconds
        self._listening: dict[asyncio.Timeout, float] = {}  # streams, with the end of each whole request
        authorization = {"Authorization": f"Bearer {key}"} if key else {}
        with usable_proxies():
            self._http = httpx2.AsyncClient(
                # Compression saves nothing worth its risk here; a server may compress all the same.
                headers={"User-Agent": "cure-tui", "Accept-Encoding": "identity", **authorization, **(headers or {})},
                auth=address.login,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64),
                timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
                trust_env=through_proxies and not address.is_this_machine,  # a proxy would read the key
            )

    async def close(self) -> None:
        await self._http.aclose()

    def shown(self, said: str) -> str:
        """Return what the server says as one short line without the key, which servers quote when they refuse it.

        It is hidden before the line is cut, as half a key is still one, and whatever the case of its letters: hosts and
        header lines lose it.
        """
        return one_line(self._secrets.sub("…", said))

    @asynccontextmanager
    async def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        bounds: Bounds,
        on_sent: Callable[[], object] = lambda: None,
    ) -> AsyncIterator[Incoming]:
        """Send a request and yield its reply, whatever its status. Raises RequestFault.

        on_sent: called once there is a connection and the first byte leaves.
        """
        end = asyncio.get_running_loop().time() + bounds.seconds
        try:
            async with asyncio.timeout_at(end) as scope:
                if bounds.streams:
                    self._listening[scope] = end
                    self._be_patient(scope)
                async with self._open(method, path, body, on_sent) as response:
                    self._hear()
                    yield Incoming(
                        response.status_code,
                        response.headers,
                        self._bounded(response, bounds.max_bytes),
                    )
        except TimeoutError as error:
            if asyncio.get_running_loop().time() >= end:
                raise RequestFault(Trouble.TOO_SLOW, f"took longer than {bounds.seconds:g} s") from error
            raise RequestFault(Trouble.SILENT, f"sent nothing for {self._silence_seconds:g} s") from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as error:
            raise RequestFault(Trouble.NO_CONNECTION, self._reason(error)) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise RequestFault(Trouble.BROKEN, self._reason(error)) from error
        finally:
            self._listening.pop(scope, None)

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, body: Mapping[str, Any] | None, on_sent: Callable[[], object]
    ) -> AsyncIterator[httpx2.Response]:
        async def trace(event: str, _: object) -> None:
            if event == "http11.send_request_headers.started":
                on_sent()

        url = httpx2.URL(f"{self.address.url}{path}")
        for _ in range(_MAX_REDIRECTS):
            async with self._http.stream(
                method, url, json=body, follow_redirects=False, extensions={"trace": trace}
            ) as response:
                if not response.has_redirect_location:
                    yield response
                    return
                target = url.join(response.headers["location"])
                if origin_of(str(target)) != self.address.origin:
                    where = self.shown(f"{target.scheme}://{target.host}")
                    raise RequestFault(Trouble.REDIRECT, f"redirects to another server, {where}")
                if response.status_code not in _REDIRECTS and method != "GET":
                    raise RequestFault(Trouble.REDIRECT, f"redirects to {self.shown(target.path)}")
                url = target
        raise RequestFault(Trouble.REDIRECT, "redirects in a circle")

    async def _bounded(self, response: httpx2.Response, max_bytes: int) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in pieces_async(response):
            self._hear()
            size += len(chunk)
            if size > max_bytes:
                raise RequestFault(Trouble.TOO_LARGE, f"sends more than {max_bytes / 2**20:.0f} MB for one answer")
            yield chunk

    def _reason(self, error: Exception) -> str:
        return self.shown(str(error) or type(error).__name__)

    def _hear(self) -> None:
        """Note that the server lives: one that answers requests one by one is silent to those that wait."""
        now = time.monotonic()
        if now - self.heard_at > _HEARD_EVERY:
            self.heard_at = now
            for scope in self._listening:
                self._be_patient(scope)

    def _be_patient(self, scope: asyncio.Timeout) -> None:
        silent_until = asyncio.get_running_loop().time() + self._silence_seconds
        if not scope.expired():
            scope.reschedule(min(self._listening[scope], silent_until))


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Split into lines. Parts of a long line are joined once: joining at every chunk would be quadratic."""
    parts: list[bytes] = []
    async for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield b"".join([*parts, end]).strip(b"\r")
            parts = []
        parts.append(rest)
    yield b"".join(parts).strip(b"\r")


def _secrets(key: str, login: tuple[str, str] | None) -> re.Pattern[str]:
    """Return the pattern of all that proves to the server who asks; it matches nothing where nothing does."""
    secrets = [key, *(login or ()), base64.b64encode(":".join(login).encode()).decode() if login else ""]
    longest_first = sorted(filter(None, secrets), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE)
