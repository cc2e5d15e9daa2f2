"""Servers on this machine's usual ports: asked at once, with a deadline, and not trusted. Ports here are free ones."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.machine.local_servers import LocalServer, local_servers

SECONDS = 2.0  # far more than a server here needs, on a busy machine too


def reply(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}Connection: close\r\n\r\n".encode() + body


def listed(*names: object) -> bytes:
    return reply(json.dumps({"data": [{"id": name} for name in names]}).encode())


@contextmanager
def answering(pages: dict[str, bytes], pause: float = 0.0) -> Iterator[tuple[int, list[str]]]:
    """Serve raw replies by path, byte by byte with a pause; yield the port and the paths asked for."""
    asked: list[str] = []

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            path = connection.recv(4096).split()[1].decode()
            asked.append(path)
            answer = pages.get(path, reply(b"", "404 Not Found"))
            for at in range(0, len(answer), 1 if pause else len(answer)):
                connection.sendall(answer[at : at + 1] if pause else answer)
                time.sleep(pause)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listener.getsockname()[1], asked
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def found_at(port: int) -> list[LocalServer]:
    return local_servers((("a server", port),), SECONDS)


def test_models_are_those_that_a_server_lists() -> None:
    with answering({"/v1/models": listed("qwen3:4b", "text-embedding-nomic-embed-text-v1.5")}) as (port, _):
        assert found_at(port) == [LocalServer("a server", f"http://127.0.0.1:{port}/v1", ("qwen3:4b",))]


def test_an_ollama_without_openai_s_list_is_asked_for_its_own() -> None:
    tags = reply(json.dumps({"models": [{"name": "llama3.2:1b", "size": 1}]}).encode())
    with answering({"/api/tags": tags}) as (port, asked):
        assert [server.models for server in found_at(port)] == [("llama3.2:1b",)]
        assert asked == ["/v1/models", "/api/tags"]


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"<html>It works!</html>"),
        reply(b'{"data": null}'),
        reply(b'{"data": [7, "x", {"id": 3}]}'),
        reply(b"[" * 100_000),
        listed(),
        listed("\x1b]0;title\x07", "two words", "", "x" * 300),
        reply(b'{"data": []}', "401 Unauthorized"),
        reply(b"", "302 Found", "Location: http://127.0.0.1:1/v1/models\r\n"),
        b"SSH-2.0-OpenSSH_9.6\r\n",
        reply(b'{"data": [{"id": "' + b"x" * (2 << 20) + b'"}]}'),
    ],
    ids=["html", "null", "odd entries", "deep", "none", "odd names", "key", "redirect", "ssh", "too long"],
)
def test_whatever_else_answers_there_is_no_server(answer: bytes) -> None:
    with answering({"/v1/models": answer}) as (port, _):
        assert found_at(port) == []


def test_slow_servers_are_left_at_the_deadline_all_together() -> None:
    page = {"/v1/models": listed("m")}
    with (
        answering(page, pause=0.2) as (slow, _),
        answering(page) as (port, _),
    ):
        started = time.monotonic()
        servers = local_servers((*[("slow", slow)] * 20, ("quick", port)), 2.0)
        assert time.monotonic() - started < 20 * 2.0 / 2  # one after the other they would take 40 s
    assert [server.kind for server in servers] == ["quick"]


def test_a_port_without_a_server_is_left_out_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    started = time.monotonic()
    assert local_servers((("none", port),), 30.0) == []
    assert time.monotonic() - started < 25.0
