"""Origin of the page: none that a browser knows from another server, which may have left scripts of its own in it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import shutil
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.cure_tui.command_line import Cli
from tests.cure_tui.web.chromium import browser_page
from tests.cure_tui.web.served import SECONDS, Served, start

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
_TELL = "fetch('/told?' + location.hash.slice(1));"
# Answers every request of its origin, also after the server that sent it has ended.
_WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
self.addEventListener("fetch", (event) => event.respondWith(
  new Response("<title>caught</title>", {headers: {"Content-Type": "text/html"}})));
"""
_PAGE = f"""<!DOCTYPE html><script>{_TELL}</script><script src="page.js"></script><script>
navigator.serviceWorker.register("/worker.js").then(() => navigator.serviceWorker.ready).then(() => {{
  document.title = "left behind";
}});
</script>"""


@contextlib.asynccontextmanager
async def earlier_server() -> AsyncIterator[int]:
    """Serve, as another user of this machine, a page that leaves a service worker and cached files; yield the port."""
    for_ever = {"Cache-Control": "max-age=31536000, immutable"}
    files = {
        "/": (_PAGE, "text/html"),
        "/worker.js": (_WORKER, "text/javascript"),
        "/page.js": (_TELL, "text/javascript"),
    }

    async def answer(request: web.Request) -> web.Response:
        text, kind = files.get(request.path, ("", "text/plain"))
        return web.Response(text=text, content_type=kind, headers=for_ever)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.0)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await web.SockSite(runner, listening).start()
        try:
            yield listening.getsockname()[1]
        finally:
            await runner.cleanup()


def stop(served: Served) -> None:
    served.process.terminate()
    served.process.communicate(timeout=SECONDS)


def serving(cli: Cli, *arguments: str) -> Served:
    process = start(cli, *arguments)
    assert process.stdout is not None
    return Served(process, process.stdout.readline().strip())


def test_every_server_has_a_host_of_its_own_on_this_machine_alone(cli: Cli) -> None:
    first, second = serving(cli), serving(cli)
    try:
        assert ipaddress.ip_address(first.host).is_loopback
        assert len({first.host, second.host, "127.0.0.1"}) == 3
        assert first.get("/")[0] == second.get("/")[0] == 200
    finally:
        stop(first)
        stop(second)


@pytest.mark.slow
@pytest.mark.skipif(not _CHROMIUM, reason="chromium is not installed")
async def test_what_a_browser_keeps_of_an_earlier_server_of_the_port_does_not_get_the_key(cli: Cli) -> None:
    async with browser_page(_CHROMIUM) as page:
        async with earlier_server() as port, asyncio.timeout(SECONDS):
            await page.do("Page.navigate", url=f"http://127.0.0.1:{port}/")
            while await page.evaluate("document.title") != "left behind":
                await asyncio.sleep(0.1)
            await page.do("Page.navigate", url="about:blank")
        served = serving(cli, "--port", str(port))
        try:
            await page.do("Page.navigate", url=served.address)
            await page.wait_for("nano")
            assert served.key not in str(page.requested)
        finally:
            stop(served)
