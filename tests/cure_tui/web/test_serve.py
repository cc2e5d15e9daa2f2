"""`cure-tui serve`: its start, its page, and the processes that live and die with it."""

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
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psutil
import pytest
from textual_serve.app_service import AppService

from cure_tui.web.server import dashboard_command
from engine.runs.folder import RunFolder
from engine.runs.lock import lock_holder
from tests.cure_tui.command_line import ROOT, Cli
from tests.cure_tui.web.chromium import browser_page
from tests.cure_tui.web.served import SECONDS, Served, start, until

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
_WITHOUT_EXTRA = """\
import sys
sys.modules["textual_serve"] = None
from cure_tui.cli import main
sys.argv = ["cure-tui", "serve"]
main()
"""


def engines(cli: Cli) -> list[int]:
    """Return the process ids of the engines at work on a run."""
    runs = (Path(cli.environment["CURE_TUI_HOME"]) / "runs").glob("*")
    holders = [lock_holder(RunFolder.open(run).lock_file) for run in runs]
    return [holder.pid for holder in holders if holder.held and holder.pid is not None]


def waiting_bytes(pipe: IO[bytes]) -> int:
    """Return the number of bytes that wait in the pipe."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def test_without_the_extra_the_command_that_brings_it_is_told(cli: Cli) -> None:
    command = [sys.executable, "-P", "-c", _WITHOUT_EXTRA]
    done = subprocess.run(command, cwd=cli.folder, env=cli.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    remedy = f"pip install -e '.[serve]' in {ROOT}"
    assert done.stderr == f"error: the dashboard in a browser needs textual_serve ({remedy})\n"


def test_a_port_in_use_is_one_line_with_a_remedy(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = cli("serve", "--host", "127.0.0.1", "--port", str(port))
    assert done.returncode == 2
    remedy = "(take another --port, or --port 0 for a free one)"
    assert done.stderr == f"error: cannot listen on 127.0.0.1 port {port}: address already in use {remedy}\n"


def test_another_host_than_this_machines_own_is_warned_of(cli: Cli) -> None:
    process = start(cli, "--host", "0.0.0.0")
    assert process.stdout is not None
    address = process.stdout.readline()
    process.terminate()
    _, said = process.communicate(timeout=SECONDS)
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


@pytest.mark.slow
async def test_a_dashboard_ends_with_its_page(served: Served) -> None:
    async with served.page() as first, served.page():
        assert len(served.dashboards()) == 2
        await first.connection.close()
        await until(lambda: len(served.dashboards()) == 1)
    await until(lambda: not served.dashboards())


@pytest.mark.slow
async def test_quitting_in_the_page_closes_it(served: Served) -> None:
    async with served.page() as page:
        await page.connection.send_json(["stdin", "q"])
        await until(lambda: page.connection.closed)
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
