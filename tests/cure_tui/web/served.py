"""Running `cure-tui serve`, and clients that ask it for pages."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlsplit

import aiohttp
import psutil

from tests.cure_tui.command_line import Cli

SECONDS = 60.0


class OpenPage:
    """Page that reads all the time, as a browser does: who reads nothing for long is taken for lost and closed."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self.connection = connection
        self._messages: asyncio.Queue[aiohttp.WSMessage] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.connection:
            self._messages.put_nowait(message)

    async def receive(self) -> aiohttp.WSMessage:
        """Return the next message of those that have come, or wait for one."""
        return await asyncio.wait_for(self._messages.get(), SECONDS)

    async def leave(self) -> None:
        """Read no more."""
        self._reading.cancel()
        await asyncio.wait([self._reading])


@dataclass(frozen=True)
class Served:
    """Running `cure-tui serve`."""

    process: subprocess.Popen[str]
    address: str

    @property
    def netloc(self) -> str:
        return urlsplit(self.address).netloc

    @property
    def host(self) -> str:
        return urlsplit(self.address).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 80

    @property
    def key(self) -> str:
        return self.address.partition("#key=")[2]

    def get(self, path: str, **headers: str) -> tuple[int, str, Message]:
        """Return status, text and headers of an answer."""
        request = urllib.request.Request(f"http://{self.netloc}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode(), refusal.headers

    def dashboards(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    @asynccontextmanager
    async def web_socket(
        self, query: str = "width=80&height=24", **headers: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a web socket as the page's script does, but send no key."""
        async with aiohttp.ClientSession(headers=headers) as session:
            yield await session.ws_connect(f"ws://{self.netloc}/ws?{query}", origin=f"http://{self.netloc}")

    @asynccontextmanager
    async def page(self) -> AsyncIterator[OpenPage]:
        """Connect a page and wait for its first screen; on return the connection is lost, not closed."""
        async with self.web_socket() as connection:
            await connection.send_str(self.key)
            page = OpenPage(connection)
            try:
                while len((await page.receive()).data) < 1000:
                    pass
                yield page
            finally:
                await page.leave()


def start(cli: Cli, *arguments: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "cure_tui",
        "serve",
        *([] if "--port" in arguments else ["--port", "0"]),
        *arguments,
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=cli.folder, env=cli.environment, text=True, **pipes)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.05)
