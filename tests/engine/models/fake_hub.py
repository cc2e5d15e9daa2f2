"""Fake model hub with five models, served by `http.server` on this machine.

open/model      can be downloaded
gated/model     wants terms accepted (403)
missing/model   does not exist (401, as the real hub answers a stranger)
cut/model       the connection breaks once in the middle of the weights
broken/model    the connection breaks before the first byte of the weights, always
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = "model.safetensors"


class FakeHub(ThreadingHTTPServer):
    """Fake hub that serves `files` as every model; `ranges`: byte ranges that a client requested to resume."""

    daemon_threads = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.ranges: list[str] = []
        self.cut_once = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def fake_hub(files: Mapping[str, bytes]) -> Iterator[FakeHub]:
    """Run a hub inside the `with` block."""
    with FakeHub(files) as hub:
        thread = threading.Thread(target=hub.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeHub

    def log_message(self, format: str, *args: object) -> None:
        """Log no request."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        path = self.path.partition("?")[0]
        name = "/".join(path.removeprefix("/api/models").strip("/").split("/")[:2])
        if path == "/":
            self._send(200, b"a hub")
        elif name == "gated/model":
            self._send(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        elif name == "missing/model":
            self._send(401, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        elif found := re.fullmatch(rf"/{name}/resolve/{COMMIT}/(.+)", path):
            self._file(name, found.group(1), body)
        elif "/tree/" in path:
            listing = [
                {"type": "file", "path": file, "size": len(data), "oid": _oid(data)}
                for file, data in self.server.files.items()
            ]
            self._send(200, json.dumps(listing).encode())
        else:
            siblings = [{"rfilename": file} for file in self.server.files]
            self._send(200, json.dumps({"id": name, "sha": COMMIT, "siblings": siblings}).encode())

    def _file(self, name: str, file: str, body: bool) -> None:
        data = self.server.files.get(file)
        if data is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        headers = {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        start = 0
        if asked := self.headers.get("Range"):
            self.server.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        rest = data[start:]
        length = len(rest)
        if body and file == WEIGHTS and name == "broken/model":
            rest = b""
        elif body and file == WEIGHTS and name == "cut/model" and not self.server.cut_once.is_set():
            self.server.cut_once.set()
            rest = rest[: length // 2]
        self._send(206 if start else 200, rest if body else b"", headers, length)
        if body and len(rest) < length:
            self.close_connection = True

    def _send(
        self, status: int, data: bytes, headers: Mapping[str, str] | None = None, length: int | None = None
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()
