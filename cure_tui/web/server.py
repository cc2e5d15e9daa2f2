"""Web server of `cure-tui serve`: one page, protected by a key. Each open page has its own dashboard process.

The page can start and stop runs. README.md in this folder says what is promised against whom; in short:
- The key alone lets a client in. It is the first message of a page's web socket, and travels in nothing else: in no
  cookie (cookies know no ports: a browser sends them to any other server on this host), no request, no header.
- Origin and Host keep other sites out of a browser that holds the key. They are no obstacle to a program, which writes
  into both whatever it likes.
- Every connection is bounded in number, time and size, with or without the key.
"""

from __future__ import annotations

import asyncio
import gc
import json
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from engine.machine.core_dumps import refuse_core_dumps
from engine.servers.connections import SECONDS_TO_CLOSE, OwnNames, connection_of, log_own_errors, serve_until_told

DASHBOARD_MODULE = "cure_tui.web.dashboard"
MOST_PAGES = 8
MOST_BYTES = 256 * 1024  # of one message: a large paste
WRONG_KEY = 4401
TOO_MANY_PAGES = 4429
_FOLDER = Path(__file__).parent
_SECONDS_FOR_THE_KEY = 10.0
_SECONDS_FOR_A_PLACE = 5.0  # a page loaded anew may ask before its former self has gone
_MOST_CELLS = 1000  # in a row or column
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "cure-tui",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def dashboard_command() -> str:
    """Return the shell command that starts this installation's dashboard.

    exec replaces the shell, so that signals reach the dashboard. -P: see cure_tui.launch.process.
    """
    return shlex.join(["exec", sys.executable, "-P", "-m", DASHBOARD_MODULE])


class DashboardServer(Server):
    """Bridge of textual-serve between pages and processes, behind a guard, with a page that loads only from here."""

    def __init__(self, listening: socket.socket, host: str) -> None:
        """Serve on `listening`, a bound socket: a port in use is reported before an address is printed.

        host: the name or address that the user gave for it.
        """
        address, port = listening.getsockname()[:2]
        super().__init__(dashboard_command(), host=address, port=port, title="cure-tui")
        self._listening = listening
        refuse_core_dumps()
        self._key = secrets.token_hex(16)  # no "-" or "_": terminals leave those out at the end of a link
        self._names = OwnNames(listening, host)
        self._places = asyncio.Semaphore(MOST_PAGES)
        self._pages: set[asyncio.Task[object]] = set()

    @property
    def address(self) -> str:
        """Address for a browser; on all interfaces (0.0.0.0) it has the name of this machine.

        The key is its fragment, which a browser sends to no server.
        """
        host = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/#key={self._key}"

    def serve(self, debug: bool = False) -> None:
        """Serve until Ctrl-C or SIGTERM. The address goes to stdout as soon as the server answers."""
        self.initialize_logging()
        asyncio.run(self._serve())

    def initialize_logging(self) -> None:
        """Show this server's own errors, in the place of textual-serve's log of all that happens."""
        log_own_errors()

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/", self.handle_index),
                web.get("/page.js", self.handle_script),
                web.get("/ws", self.handle_websocket),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", self.statics_path),
            ]
        )
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self.on_shutdown)
        await serve_until_told(app, self._listening, self._say_address)

    def _say_address(self) -> None:
        print(self.address, flush=True)
        print("Open this address in a browser. Ctrl-C ends the dashboard, never a run.", file=sys.stderr)

    async def on_shutdown(self, app: web.Application) -> None:
        """Close the pages; aiohttp would only wait for the browsers to close them."""
        pages = list(self._pages)
        for page in pages:
            page.cancel()
        if pages:
            await asyncio.wait(pages, timeout=SECONDS_TO_CLOSE)
        gc.collect()  # pipes of lost pages: asyncio prints an error for those collected after the event loop's end

    async def handle_index(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(_FOLDER / "page.html")

    async def handle_script(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(_FOLDER / "page.js")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one page once it has sent the key; its dashboard process lives as long as this connection."""
        websocket = web.WebSocketResponse(heartbeat=15, timeout=SECONDS_TO_CLOSE, max_msg_size=MOST_BYTES)
        await websocket.prepare(request)
        if not await self._sends_key(websocket):
            await websocket.close(code=WRONG_KEY)
            return websocket
        try:
            async with asyncio.timeout(_SECONDS_FOR_A_PLACE):
                await self._places.acquire()
        except TimeoutError:
            await websocket.close(code=TOO_MANY_PAGES)
            return websocket
        page = asyncio.current_task()
        assert page is not None
        self._pages.add(page)
        connection_of(request).keep()
        try:
            await self._show(websocket, request)
        finally:
            self._pages.discard(page)
            self._places.release()
        return websocket

    async def _sends_key(self, websocket: web.WebSocketResponse) -> bool:
        try:
            first = await websocket.receive(_SECONDS_FOR_THE_KEY)
        except TimeoutError:
            return False
        return first.type is WSMsgType.TEXT and secrets.compare_digest(first.data.encode(), self._key.encode())

    async def _show(self, websocket: web.WebSocketResponse, request: web.Request) -> None:
        """Connect the page with a new dashboard process until one of them ends."""

        async def close() -> None:
            await websocket.close()

        service = AppService(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        try:
            await service.start(_cells(request.query.get("width"), 80), _cells(request.query.get("height"), 24))
            async for message in websocket:
                if message.type is WSMsgType.TEXT:
                    await _pass_on(message.data, websocket, service)
        except asyncio.CancelledError:
            await websocket.close()
        finally:
            await service.stop()

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse what a browser sends for another site's page, and pages under a name that is not this server's."""
        connection_of(request).ask()
        host = request.headers.get("Host", "")
        if host not in self._names:
            raise web.HTTPForbidden(
                text=f"{host!r} is no name of this server: open the address that `cure-tui serve` printed"
            )
        origin = request.headers.get("Origin")
        if origin is None and request.path == "/ws":
            raise web.HTTPForbidden(text="a web socket without Origin may not use this dashboard")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            raise web.HTTPForbidden(text=f"a page from {origin} may not use this dashboard")
        return await handler(request)


async def _pass_on(text: str, websocket: web.WebSocketResponse, service: AppService) -> None:
    """Give a page's message to its dashboard; a malformed one closes the page."""
    try:
        match json.loads(text):
            case ["stdin", str(typed)]:
                await service.send_bytes(typed.encode("utf-8", "replace"))
            case ["resize", {"width": int(width), "height": int(height)}]:
                await service.set_terminal_size(_cells(width, 80), _cells(height, 24))
            case ["ping", str(sent)]:
                await websocket.send_json(["pong", sent])
            case ["focus"]:
                await service.focus()
            case ["blur"]:
                await service.blur()
            case _:
                raise ValueError
    except (ValueError, RecursionError):
        await websocket.close(code=1008)


def _cells(size: str | int | None, default: int) -> int:
    try:
        return min(max(int(size or default), 1), _MOST_CELLS)
    except ValueError:
        return default


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    if request.path.startswith("/download/"):  # a picture of the dashboard, in the place of a page of our origin
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
