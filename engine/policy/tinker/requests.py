"""Requests that the SDK has no method for, or rejects SkyRL's replies to: health, models, unload, delete, archive.

They go through the client of engine.servers: a deadline for the whole request, a cap on its bytes, one origin.
"""

from __future__ import annotations

import json
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.errors import CureError, EnvironmentError_, RunError
from engine.policy.tinker.faults import RESUME, START, ServerSaid, detail_in
from engine.servers.addresses import Address
from engine.servers.background import Background
from engine.servers.client import Bounds, Client, RequestFault, Trouble

_MAX_BYTES = 4 * 2**20
_REQUEST_SECONDS = 20.0
_LONG_POLL_SECONDS = 60.0
_ARCHIVE_SECONDS = 1800.0

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class ServedModel:
    """Model that a server says it trains. context_length: in tokens; None: it does not say."""

    name: str
    context_length: int | None = None


class Requests:
    """Plain requests to one server, for synchronous callers. Each raises CureError or ServerSaid."""

    def __init__(self, address: Address, key: str) -> None:
        self.url = address.url
        self._background = Background()
        # Not through a proxy: neither is the SDK's connection, and these servers stand in one's own network.
        self._client = Client(address, key, headers={"X-API-Key": key}, through_proxies=False)

    def close(self) -> None:
        if not self._background.closed:
            self._background.wait(self._client.close())
            self._background.close()

    def shown(self, said: str) -> str:
        """Return what the server says as one short line without the key."""
        return self._client.shown(said)

    def health(self, seconds: float) -> None:
        """Ask whether the server is up. Raises RequestFault, whose trouble says how it is not; ServerSaid."""
        status, body = self._run(self._ask("GET", "/api/v1/healthz", None, seconds))
        if status != 200:
            raise ServerSaid(status, self.shown(detail_in(_parsed(body))))

    def greet(self) -> float:
        """Return the seconds that a health request takes. Raises EnvironmentError_: no server, or another kind."""
        began = time.monotonic()
        try:
            self.health(_REQUEST_SECONDS)
        except RequestFault as fault:
            raise EnvironmentError_(f"no Tinker server answers at {self.url}: {fault.said}", START) from None
        except ServerSaid as said:
            raise EnvironmentError_(
                f"{self.url} does not answer as a Tinker server does (status {said.status_code})",
                "set policy.url to the address of SkyRL's API, without a path",
            ) from said
        return time.monotonic() - began

    def served_models(self) -> tuple[ServedModel, ...]:
        """Fetch the models that the server trains."""
        reply = self._json("GET", "/api/v1/get_server_capabilities", None)
        listed = reply.get("supported_models") if isinstance(reply, dict) else None
        if not isinstance(listed, list):
            raise EnvironmentError_(
                f"{self.url} does not say which model it serves", "it must serve the Tinker API as SkyRL 0.4 does"
            )
        return tuple(filter(None, map(_served_model, listed[:1000])))

    def unload(self, model_id: str, seconds: float) -> None:
        """Unload a model and wait until its slot is free. A server that does not know it has nothing to unload."""
        try:
            reply = self._json("POST", "/api/v1/unload_model", {"model_id": model_id})
            self._await_future(reply, time.monotonic() + seconds)
        except ServerSaid as said:
            if said.status_code not in (400, 404):
                raise

    def delete(self, path: str) -> None:
        """Delete the saved state or the sampler's weights at a tinker:// path. One that is gone is deleted already."""
        model_id, kind, name = parts_of(path)
        try:
            self._json("DELETE", f"/api/v1/training_runs/{model_id}/checkpoints/{kind}/{name}", None)
        except ServerSaid as said:
            if said.status_code != 404:
                raise

    def download(self, path: str, file: Path, max_bytes: int) -> int:
        """Write the archive of the sampler's weights at a tinker:// path into `file`; return its size."""
        model_id, kind, name = parts_of(path)
        if kind != "sampler_weights":
            raise ValueError(f"{path} holds a training state, which has no archive")
        return self._run(
            self._download(f"/api/v1/training_runs/{model_id}/checkpoints/{name}/archive", file, max_bytes)
        )

    async def _download(self, path: str, file: Path, max_bytes: int) -> int:
        size = 0
        async with self._client.send("GET", path, None, Bounds(_ARCHIVE_SECONDS, max_bytes)) as incoming:
            if incoming.status != 200:
                raise ServerSaid(incoming.status, self.shown(detail_in(_parsed(await incoming.read()))))
            with file.open("wb") as opened:
                async for piece in incoming.pieces():
                    size += opened.write(piece)
        return size

    def _await_future(self, reply: object, end: float) -> None:
        request_id = reply.get("request_id") if isinstance(reply, dict) else None
        while isinstance(request_id, str) and time.monotonic() < end:
            seconds = min(_LONG_POLL_SECONDS, max(1.0, end - time.monotonic()))
            try:
                self._json("POST", "/api/v1/retrieve_future", {"request_id": request_id}, seconds)
                return
            except ServerSaid as said:
                if said.status_code != 408:  # the server's own patience with a long poll
                    raise
            except RequestFault as fault:
                if fault.trouble is not Trouble.TOO_SLOW:
                    raise
        if isinstance(request_id, str):
            raise TimeoutError

    def _json(self, method: str, path: str, body: dict[str, Any] | None, seconds: float = _REQUEST_SECONDS) -> object:
        status, content = self._run(self._ask(method, path, body, seconds))
        if status >= 300:
            raise ServerSaid(status, self.shown(detail_in(_parsed(content))))
        return _parsed(content)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, seconds: float) -> tuple[int, bytes]:
        async with self._client.send(method, path, body, Bounds(seconds, _MAX_BYTES)) as incoming:
            return incoming.status, await incoming.read()

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self._background.wait(work)


def of_request(fault: RequestFault, url: str) -> CureError:
    """Return the user's error for a request without a reply."""
    return RunError(f"{url} does not answer: {fault.said}", RESUME)


def parts_of(path: str) -> tuple[str, str, str]:
    """Return model id, kind ("weights", "sampler_weights") and name of a tinker:// path. Raises RunError.

    SkyRL names a sampler's weights tinker://MODEL/NAME, and takes tinker://MODEL/sampler_weights/NAME as well.
    """
    scheme, _, rest = path.partition("://")
    parts = rest.split("/")
    if len(parts) == 2:
        parts.insert(1, "sampler_weights")
    plain = all(part and part.replace("-", "").replace("_", "").isalnum() and part.isascii() for part in parts)
    if scheme != "tinker" or len(parts) != 3 or parts[1] not in ("weights", "sampler_weights") or not plain:
        raise RunError("the server names a path that is none of a Tinker server", "use another server")
    return parts[0], parts[1], parts[2]


def _served_model(entry: object) -> ServedModel | None:
    name = entry.get("model_name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not isinstance(entry, dict):
        return None
    length = entry.get("max_context_length")
    return ServedModel(name, length if type(length) is int and length > 0 else None)


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return content[:500].decode(errors="replace")
