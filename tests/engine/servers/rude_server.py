"""Server that answers as a test tells it to, byte by byte: it drips, bombs, lies, redirects or hangs."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Rude = Callable[[socket.socket, threading.Event], None]
"""Answers one request on a connection; the event is set when the test is over."""


@dataclass
class RudeServer:
    """Address of the server, and the heads of its requests."""

    url: str
    heads: list[str] = field(default_factory=list)


def reply(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Return a whole HTTP reply. length: what Content-Length says, where it lies."""
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status}", f"Content-Length: {size}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def sends(data: bytes) -> Rude:
    return lambda connection, over: connection.sendall(data)


def hangs(connection: socket.socket, over: threading.Event) -> None:
    over.wait(60)


def drips(head: bytes, drop: bytes, seconds: float = 0.05) -> Rude:
    """Send a head, then a drop now and then for ever."""

    def rude(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(seconds):
            connection.sendall(drop)

    return rude


@contextmanager
def rude_server(rude: Rude) -> Iterator[RudeServer]:
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection: socket.socket = self.request
            with contextlib.suppress(OSError):
                data = b""
                while b"\r\n\r\n" not in data:
                    data += (chunk := connection.recv(65536))
                    if not chunk:
                        return
                head, _, body = data.partition(b"\r\n\r\n")
                server.heads.append(head.decode())
                sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                size = int(sizes[0].split(b":")[1]) if sizes else 0
                while len(body) < size:
                    body += connection.recv(65536)
                rude(connection, over)

    class Listener(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64
        allow_reuse_address = True

    with Listener(("127.0.0.1", 0), Handler) as listener:
        server = RudeServer(f"http://127.0.0.1:{listener.server_address[1]}/v1")
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            over.set()
            listener.shutdown()
            thread.join()
