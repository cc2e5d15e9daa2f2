"""Small HTTP server that answers as a Tinker server would, or as a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Reply = tuple[int, object] | tuple[int, object, dict[str, str]]
"""Status, body (bytes, or what is sent as JSON), headers."""

HEALTHY: dict[str, Reply] = {
    "GET /api/v1/healthz": (200, {"status": "ok"}),
    "GET /api/v1/get_server_capabilities": (200, {"supported_models": [{"model_name": "served/model"}]}),
    "POST /api/v1/create_session": (200, {"session_id": "session-1", "type": "create_session"}),
    "POST /api/v1/session_heartbeat": (200, {"type": "session_heartbeat"}),
}


@dataclass
class FakeServer:
    """Address, replies by "METHOD /path" (a test may change them), and the requests so far with their headers."""

    url: str
    replies: dict[str, Reply]
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    """Serve HEALTHY's replies on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = f"{self.command} {self.path}"
            fake.asked.append(request)
            fake.headers.append(dict(self.headers.items()))
            status, body, *headers = fake.replies.get(request, (404, {"detail": "Not Found"}))
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in (headers[0] if headers else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake = FakeServer(f"http://127.0.0.1:{server.server_address[1]}", dict(HEALTHY))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield fake
        finally:
            server.shutdown()
