"""Server of rewards: POST /v1/rewards takes programs and tests, and answers with pass matrices and rewards.

The programs of a request run in the sandbox, so a key is asked for as for a shell. In short:
- The key alone lets a client in; it comes in a header, and is compared in constant time.
- Browsers are kept out: no page may ask, under no name that another site has pointed here.
- Connections, requests, bodies, executions, and the bytes of all of them are bounded. Who comes first is served first;
  a request that waits has not been read yet.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor

from aiohttp import web

from engine.machine.core_dumps import refuse_core_dumps
from engine.rewarding.rewarder import Rewarder, TaskAnswers
from engine.rewarding.serving.budget import Budget
from engine.rewarding.serving.reply import reply_of
from engine.rewarding.serving.request import MOST_BODY_BYTES, Refusal, bytes_needed, read_request
from engine.servers.connections import OwnNames, connection_of, log_own_errors, serve_until_told

HOST, PATH = "127.0.0.1", "/v1/rewards"
MOST_REQUESTS = 256
"""Requests that are under way or wait, together; further ones are told to come again (429)."""
MOST_AT_WORK = 8
BYTES_OF_BODIES = 64 << 20
BYTES_OF_EXECUTIONS = 1 << 30
SECONDS_FOR_BODY = 30.0
_SMALL = 128 << 10
_SECONDS_TO_LINGER = 2.0
_HEADERS = {"Server": "cure-tui", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RewardServer:
    """Server of one rewarder's rewards on a bound socket, behind `key`."""

    def __init__(self, listening: socket.socket, rewarder: Rewarder, key: str) -> None:
        refuse_core_dumps()
        self._listening, self._rewarder, self._key = listening, rewarder, key
        self._limits = rewarder.executor.limits
        self._names = OwnNames(listening, HOST)
        self._requests = 0
        self._bodies, self._executions = Budget(BYTES_OF_BODIES), Budget(BYTES_OF_EXECUTIONS)
        self._places = asyncio.Semaphore(MOST_AT_WORK)
        self._workers = ThreadPoolExecutor(MOST_AT_WORK, "rewards")

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self._listening.getsockname()[1]}{PATH}"

    def serve(self, on_ready: Callable[[], None]) -> None:
        """Serve until Ctrl-C or SIGTERM, then end the executions. on_ready: called once the server answers."""
        log_own_errors()
        asyncio.run(self._serve(on_ready))

    async def _serve(self, on_ready: Callable[[], None]) -> None:
        app = web.Application(middlewares=[self._guard], client_max_size=MOST_BODY_BYTES)
        app.add_routes([web.post(PATH, self._reward)])
        app.on_response_prepare.append(_add_headers)
        await serve_until_told(app, self._listening, on_ready, self._end_executions, lingering_time=_SECONDS_TO_LINGER)
        self._workers.shutdown()

    async def _end_executions(self) -> None:
        await asyncio.to_thread(self._rewarder.close)  # whoever waits for it is told so at once

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse strangers; put every refusal into one line of JSON."""
        connection = connection_of(request)
        connection.ask()
        try:
            self._refuse_strangers(request)
            connection.keep()  # bounded as a request from now on
            try:
                return await handler(request)
            finally:
                connection.wait()
        except Refusal as refusal:
            return _refused(refusal.status, refusal.reason)
        except web.HTTPException as error:
            return _refused(error.status, f"{error.reason.lower()}: this server answers POST {PATH}")

    def _refuse_strangers(self, request: web.Request) -> None:
        host = request.headers.get("Host", "")
        if host not in self._names:
            raise Refusal(403, f"{host[:100]!r} is no name of this server: ask {self.address}")
        if "Origin" in request.headers:
            raise Refusal(403, "pages of a browser may not ask this server")
        kind, _, key = request.headers.get("Authorization", "").partition(" ")
        given = key.strip().encode("utf-8", "surrogateescape")
        if kind.lower() != "bearer" or not secrets.compare_digest(given, self._key.encode()):
            raise Refusal(
                401, "the key is missing or wrong: send 'Authorization: Bearer KEY', the key from the key file"
            )

    async def _reward(self, request: web.Request) -> web.Response:
        """Answer one request, once there is room for it."""
        length = request.content_length
        if length is None:
            raise Refusal(411, "the length of the body is missing: send Content-Length, and no chunks")
        if length > MOST_BODY_BYTES:
            raise Refusal(413, f"the body has more than {MOST_BODY_BYTES >> 20} MiB: send fewer tasks in a request")
        if self._requests >= MOST_REQUESTS:
            raise Refusal(429, f"{MOST_REQUESTS} requests are under way: come again later, or send more tasks in one")
        self._requests += 1
        try:
            async with self._bodies.hold(length):
                tasks = await self._read(request)
                needed = bytes_needed(tasks, self._limits)
                if needed > BYTES_OF_EXECUTIONS:
                    raise Refusal(
                        413,
                        f"the executions may need {needed >> 20} MiB, above {BYTES_OF_EXECUTIONS >> 20}: send fewer "
                        "tasks in a request, or start the server with a lower sandbox.output_kb",
                    )
                async with self._places, self._executions.hold(needed):
                    if request.transport is None:
                        raise Refusal(400, "the client has gone")
                    return await self._answer(tasks)
        finally:
            self._requests -= 1

    async def _read(self, request: web.Request) -> list[TaskAnswers]:
        try:
            async with asyncio.timeout(SECONDS_FOR_BODY):
                body = await request.read()
        except TimeoutError:
            raise Refusal(408, f"the body took longer than {SECONDS_FOR_BODY:g} s") from None
        config = self._rewarder.config
        # A change of threads costs a small request more than its reading, on a busy machine several times as much.
        return (
            read_request(body, config) if len(body) <= _SMALL else await asyncio.to_thread(read_request, body, config)
        )

    async def _answer(self, tasks: list[TaskAnswers]) -> web.Response:
        answered = await asyncio.get_running_loop().run_in_executor(self._workers, self._reply, tasks)
        if answered is None:
            raise Refusal(503, "the server is ending")
        return web.Response(body=answered, content_type="application/json")

    def _reply(self, tasks: list[TaskAnswers]) -> bytes | None:
        """Run the programs and judge them, in a worker's thread; None where the server ends meanwhile."""
        try:
            return reply_of(self._rewarder.reward(tasks))
        except (CancelledError, RuntimeError):
            if self._rewarder.closed:
                return None
            raise


def _refused(status: int, reason: str) -> web.Response:
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "1"}}.get(status)
    return web.Response(
        status=status, headers=headers, body=json.dumps({"error": reason}).encode(), content_type="application/json"
    )


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
