"""`cure-tui serve`: access to the page, its requests, and the processes that live and die with it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
from textual_serve.app_service import AppService

from cure_tui.web.server import dashboard_command
from engine.runs.folder import RunFolder
from engine.runs.lock import lock_holder
from tests.cure_tui.command_line import Cli
from tests.cure_tui.web.chromium import browser_page

_SECONDS = 60.0
_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_WITHOUT_EXTRA = """\
import sys
sys.modules["textual_serve"] = None
from cure_tui.cli import main
sys.argv = ["cure-tui", "serve"]
main()
"""


@dataclass(frozen=True)
class Served:
    """Running `cure-tui serve`."""

    process: subprocess.Popen[str]
    address: str

    @property
    def netloc(self) -> str:
        return urlsplit(self.address).netloc

    @property
    def cookie(self) -> str:
        return f"cure-tui-{urlsplit(self.address).port}={self.address.partition('key=')[2]}"

    def get(self, path: str, **headers: str) -> tuple[int, str, Message]:
        """Return status, text and headers of an answer."""
        request = urllib.request.Request(f"http://{self.netloc}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode(), refusal.headers

    def dashboards(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    @asynccontextmanager
    async def page(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Connect a page and wait for its first screen; on return the connection is lost, not closed."""
        async with aiohttp.ClientSession(headers={"Cookie": self.cookie}) as session:
            address = f"ws://{self.netloc}/ws?width=80&height=24"
            connection = await session.ws_connect(address, origin=f"http://{self.netloc}")
            while len((await connection.receive(_SECONDS)).data) < 1000:
                pass
            yield connection


@pytest.fixture
def served(cli: Cli) -> Iterator[Served]:
    process = start(cli)
    assert process.stdout is not None
    yield Served(process, process.stdout.readline().strip())
    process.terminate()
    process.communicate(timeout=_SECONDS)


def start(cli: Cli, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cure_tui", "serve", "--port", "0", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=cli.folder, env=cli.environment, text=True, **pipes)


def engines(cli: Cli) -> list[int]:
    """Return the process ids of the engines at work on a run."""
    runs = (Path(cli.environment["CURE_TUI_HOME"]) / "runs").glob("*")
    holders = [lock_holder(RunFolder.open(run).lock_file) for run in runs]
    return [holder.pid for holder in holders if holder.held and holder.pid is not None]


def waiting_bytes(pipe: IO[bytes]) -> int:
    """Return the number of bytes that wait in the pipe."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_SECONDS):
        while not condition():
            await asyncio.sleep(0.05)


def test_without_the_extra_the_command_that_brings_it_is_told(cli: Cli) -> None:
    command = [sys.executable, "-P", "-c", _WITHOUT_EXTRA]
    done = subprocess.run(command, cwd=cli.folder, env=cli.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr == ("error: the dashboard in a browser needs textual_serve (pip install 'cure-tui[serve]')\n")


def test_a_port_in_use_is_one_line_with_a_remedy(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = cli("serve", "--port", str(port))
    assert done.returncode == 2
    remedy = "(take another --port, or --port 0 for a free one)"
    assert done.stderr == f"error: cannot listen on 127.0.0.1 port {port}: address already in use {remedy}\n"


def test_another_host_than_this_machines_own_is_warned_of(cli: Cli) -> None:
    process = start(cli, "--host", "0.0.0.0")
    assert process.stdout is not None
    address = process.stdout.readline()
    process.terminate()
    _, said = process.communicate(timeout=_SECONDS)
    assert socket.gethostname() in address
    assert said.startswith("warning: other machines can reach 0.0.0.0, and the connection is not encrypted")


def test_the_dashboard_is_this_installations_wherever_that_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "it's my $HOME" / "python"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\necho "$0" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    done = subprocess.run(dashboard_command(), shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == f"{python} -P -m cure_tui.web.dashboard\n"


def test_the_page_is_for_those_who_have_its_key(served: Served) -> None:
    for path in ("/", "/?key=", "/?key=%C3%A9", "/ws", "/static/js/textual.js", "/download/1"):
        status, text, _ = served.get(path)
        assert (status, text.partition(":")[0]) == (403, "the key is missing")
    status, _, headers = served.get(f"/?{urlsplit(served.address).query}")
    assert (status, headers["Content-Type"]) == (200, "text/html")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Set-Cookie"] == f"{served.cookie}; HttpOnly; Path=/; SameSite=Strict"
    assert served.get("/", Cookie=served.cookie)[0] == 200


def test_another_sites_page_cannot_drive_it(served: Served) -> None:
    """Not even a page of another port of this host, to which the browser sends the cookie."""
    handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    handshake["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    for origin in ("https://example.org", "http://127.0.0.1:1", "null"):
        status, text, _ = served.get("/ws", Origin=origin, Cookie=served.cookie, **handshake)
        assert (status, text) == (403, f"a page from {origin} may not use this dashboard")
    assert served.dashboards() == []


@pytest.mark.slow
async def test_a_dashboard_ends_with_its_page(served: Served) -> None:
    async with served.page() as first, served.page():
        assert len(served.dashboards()) == 2
        await first.close()
        await until(lambda: len(served.dashboards()) == 1)
    await until(lambda: not served.dashboards())


@pytest.mark.slow
async def test_quitting_in_the_page_closes_it(served: Served) -> None:
    async with served.page() as page:
        await page.send_json(["stdin", "q"])
        while not page.closed:
            await page.receive(_SECONDS)
    await until(lambda: not served.dashboards())


@pytest.mark.slow
async def test_a_dashboard_ends_with_a_killed_server(served: Served) -> None:
    async with served.page():
        (dashboard,) = served.dashboards()
        served.process.kill()
        await until(lambda: not dashboard.is_running() or dashboard.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.slow
async def test_a_dashboard_that_stands_in_a_write_ends(cli: Cli) -> None:
    """A vanished page may leave a full pipe without a reader, and the dashboard blocked in its write."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = {**cli.environment, "COLUMNS": "200", "ROWS": "100"}
    with subprocess.Popen(dashboard_command(), shell=True, cwd=cli.folder, env=environment, **pipes) as dashboard:
        assert dashboard.stdin is not None
        assert dashboard.stdout is not None
        fcntl.fcntl(dashboard.stdout, fcntl.F_SETPIPE_SZ, 4096)  # far less than the first picture
        await until(lambda: waiting_bytes(dashboard.stdout) > 1000)
        dashboard.stdin.write(AppService.encode_packet(b"M", b'{"type": "quit"}'))
        dashboard.stdin.flush()
        await until(lambda: dashboard.poll() is not None)


@pytest.mark.slow
@pytest.mark.skipif(_CHROMIUM is None, reason="chromium is not installed")
async def test_a_browser_shows_it_asks_nobody_else_and_leaves_the_run_alone(served: Served, cli: Cli) -> None:
    assert _CHROMIUM is not None
    try:
        async with browser_page(_CHROMIUM) as page:
            await page.do("Page.navigate", url=served.address)
            await page.wait_for("nano")
            while await page.colours(await page.screenshot()) < 200:
                await asyncio.sleep(0.1)
            await page.press("n")
            await page.wait_for("Start a run of")
            await page.press("y")
            await page.wait_for("Overview")
            await until(lambda: any(engines(cli)))
            asked = {urlsplit(address).netloc for address in page.requested if not address.startswith("data:")}
            assert asked == {served.netloc}
            assert any(address.startswith("ws:") for address in page.requested)
        await until(lambda: not served.dashboards())
        assert len(engines(cli)) == 1
    finally:
        for engine in engines(cli):
            os.kill(engine, signal.SIGKILL)
