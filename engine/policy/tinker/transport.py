"""Connection of the SDK to its server: one origin, no redirect elsewhere, bounded replies, bytes counted.

The SDK follows redirects and would take its key along, inflates what it is sent, and reads replies of any size. A
server that does so has bad manners or was taken over: the fault ends the run, where the SDK would go on retrying.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx

from engine.errors import RunError
from engine.servers.addresses import Address, origin_of

MAX_REPLY_BYTES = 512 * 2**20
REQUEST_SECONDS = 600.0


@dataclass(slots=True)
class Counted:
    """Bytes of bodies sent and received so far."""

    sent: int = 0
    received: int = 0


class BoundedTransport(httpx.AsyncBaseTransport):
    """Transport to the one server at `url`; `on_fault` is given the fault of a server without manners."""

    def __init__(self, url: str, counted: Counted, on_fault: Callable[[RunError], object]) -> None:
        self._url, self._origin = url, origin_of(url)
        self._counted, self._on_fault = counted, on_fault
        self._inner = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64), trust_env=False
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if origin_of(str(request.url)) != self._origin:
            raise self._fault("redirects to another server")
        request.headers["Accept-Encoding"] = "identity"
        self._counted.sent += int(request.headers.get("Content-Length", 0))
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                response = await self._inner.handle_async_request(request)
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"nothing for {REQUEST_SECONDS:g} s", request=request) from error
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.aclose()
            raise self._fault("compresses its replies, which were asked for plain")
        assert isinstance(response.stream, httpx.AsyncByteStream)
        body = _BoundedBody(response.stream, self._counted, lambda: self._fault("sends more than 512 MB for one reply"))
        return httpx.Response(
            response.status_code, headers=response.headers, stream=body, extensions=response.extensions
        )

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _fault(self, what: str) -> httpx.TransportError:
        fault = RunError(f"{self._url} {what}", "use another server, then resume the run")
        self._on_fault(fault)
        return httpx.RemoteProtocolError(fault.message)


class _BoundedBody(httpx.AsyncByteStream):
    """Body of a reply; raises after MAX_REPLY_BYTES, or when it takes longer than REQUEST_SECONDS."""

    def __init__(
        self, inner: httpx.AsyncByteStream, counted: Counted, too_large: Callable[[], httpx.TransportError]
    ) -> None:
        self._inner, self._counted, self._too_large = inner, counted, too_large

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size, loop = 0, asyncio.get_running_loop()
        end = loop.time() + REQUEST_SECONDS
        async for chunk in self._inner:
            size += len(chunk)
            self._counted.received += len(chunk)
            if size > MAX_REPLY_BYTES:
                raise self._too_large()
            if loop.time() > end:
                raise httpx.ReadTimeout(f"the reply took longer than {REQUEST_SECONDS:g} s")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def open_http(address: Address, counted: Counted, on_fault: Callable[[RunError], object]) -> httpx.AsyncClient:
    """Return the SDK's HTTP client for one server; no proxy reads along."""
    return httpx.AsyncClient(
        transport=BoundedTransport(address.url, counted, on_fault),
        base_url=address.url,
        headers=_basic_access(address.login),
        follow_redirects=False,
        trust_env=False,
        timeout=httpx.Timeout(60.0, connect=10.0),
    )


def _basic_access(login: tuple[str, str] | None) -> dict[str, str]:
    if login is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(":".join(login).encode()).decode()}
