"""Web server of `cure-tui serve`: one page, protected by a key. Each open page has its own dashboard process.

The page can start and stop runs, so access to the port alone must not be enough to load it:
- Other users of this machine, or of the network with --host, lack the key at the end of the printed address.
- Other sites open in the same browser can reach the port too, but they send neither our cookie (SameSite) nor our
  Origin. A page from another port of this host does send the cookie: the check of the Origin stops it.
- The page's Content-Security-Policy allows connections to this server only, and no other page may frame it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

DASHBOARD_MODULE = "cure_tui.web.dashboard"
_PAGE = Path(__file__).parent / "page.html"
_SECONDS_TO_CLOSE = 3.0
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the address holds the key
    "X-Content-Type-Options": "nosniff",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def dashboard_command() -> str:
    """Return the shell command that starts this installation's dashboard.

    exec replaces the shell, so that signals reach the dashboard. -P: see cure_tui.launch.process.
    """
    return shlex.join(["exec", sys.executable, "-P", "-m", DASHBOARD_MODULE])


class DashboardServer(Server):
    """Bridge of textual-serve between pages and processes, behind a guard, with a page that loads only from here."""

    def __init__(self, listening: socket.socket) -> None:
        """Serve on `listening`, a bound socket: a port in use is reported before an address is printed."""
        host, port = listening.getsockname()[:2]
        super().__init__(dashboard_command(), host=host, port=port, title="cure-tui")
        self._listening = listening
        self._key = secrets.token_urlsafe(16)
        self._cookie = f"cure-tui-{port}"
        self._pages: set[asyncio.Task[object]] = set()

    @property
    def address(self) -> str:
        """Address for a browser; on all interfaces (0.0.0.0) it has the name of this machine."""
        host = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/?key={self._key}"

    def serve(self, debug: bool = False) -> None:
        """Serve until Ctrl-C or SIGTERM. The address goes to stdout as soon as the server answers."""
        self.debug = debug
        self.initialize_logging()
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/", self.handle_index),
                web.get("/ws", self.handle_websocket),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", self.statics_path),
            ]
        )
        app.on_shutdown.append(self.on_shutdown)
        web.run_app(
            app,
            sock=self._listening,
            print=lambda _: self._say_address(),
            access_log=None,
            shutdown_timeout=_SECONDS_TO_CLOSE,
        )

    def initialize_logging(self) -> None:
        handler = logging.StreamHandler()
        handler.addFilter(_is_error)
        logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])

    async def on_shutdown(self, app: web.Application) -> None:
        """Close the pages; aiohttp would only wait for the browsers to close them."""
        pages = list(self._pages)
        for page in pages:
            page.cancel()
        if pages:
            await asyncio.wait(pages, timeout=_SECONDS_TO_CLOSE)
        gc.collect()  # pipes of lost pages: asyncio prints an error for those collected after the event loop's end

    async def handle_index(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(_PAGE)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one page; its dashboard process lives as long as this connection."""
        page = asyncio.current_task()
        assert page is not None
        self._pages.add(page)
        try:
            return await super().handle_websocket(request)
        finally:
            self._pages.discard(page)

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text=f"a page from {origin} may not use this dashboard")
        given = request.query.get("key", "")
        if not (self._is_key(given) or self._is_key(request.cookies.get(self._cookie, ""))):
            raise web.HTTPForbidden(text="the key is missing: open the whole address that `cure-tui serve` printed")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
            if given:
                response.set_cookie(self._cookie, self._key, httponly=True, samesite="Strict")
        return response

    def _is_key(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self._key.encode())

    def _say_address(self) -> None:
        print(self.address, flush=True)
        print("Open this address in a browser. Ctrl-C ends the dashboard, never a run.", file=sys.stderr)


def _is_error(record: logging.LogRecord) -> bool:
    """Return False for a page that vanished while the server was sending to it: that is no error."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ConnectionError)
