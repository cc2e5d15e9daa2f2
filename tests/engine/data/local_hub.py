"""Hub on 127.0.0.1 for tests: API, files behind a redirect to another port, and faults on demand."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """Request as it came in. server: "hub" or "cdn"."""

    server: str
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class LocalHub:
    """Server of `repos`: id -> path -> content. Its switches say how it misbehaves.

    cut_after: bytes after which a connection for a file ends (0: never), one value for each request in turn.
    stall_after: bytes after which an answer of the content network waits until the hub closes; 0: never.
    statuses: statuses and headers given instead of the next answers to requests whose path contains the key.
    renamed: old -> new id. claims: size that the listing gives to every file instead of its own; 0: its own.
    """

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    stall_after: int = 0
    statuses: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    token: str = ""
    ranges: bool = True
    honours_if_range: bool = True
    etags: bool = True
    lists_sizes: bool = True
    claims: int = 0
    promised: Callable[[bytes], str] = lambda content: hashlib.sha256(content).hexdigest()
    asked: list[Asked] = field(default_factory=list)

    closed: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> LocalHub:
        self._servers = [self._serve("hub"), self._serve("cdn")]
        self.url, self.cdn = (f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers)
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def bodies(self) -> list[Asked]:
        """Return the requests for contents of files."""
        return [each for each in self.asked if each.server == "cdn" and each.method == "GET"]

    def _serve(self, name: str) -> ThreadingHTTPServer:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            """Answers of one of the two servers."""

            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                hub.asked.append(Asked(name, self.command, self.path, dict(self.headers)))
                for part, waiting in hub.statuses.items():
                    if part in self.path and waiting:
                        status, headers = waiting.pop(0)
                        return self.give(status, b"no", headers)
                return hub.answer_api(self) if name == "hub" else hub.answer_file(self)

            def give(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None, cut: int = 0) -> None:
                self.send_response(status)
                for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(key, value)
                self.end_headers()
                if self.command == "GET":
                    stall = hub.stall_after if name == "cdn" else 0
                    self.wfile.write(body[: cut or stall or None])
                    if stall:
                        hub.closed.wait(100)
                if cut:
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return server

    def answer_api(self, to: Any) -> None:
        path = to.path.partition("?")[0]
        repo = re.sub(r"^/(?:api/)?datasets/([^/]+/[^/]+)/.*", r"\1", path)
        if repo in self.renamed:
            return to.give(307, headers={"Location": to.path.replace(repo, self.renamed[repo])})
        if repo in self.gated and to.headers.get("Authorization") != f"Bearer {self.token}":
            return to.give(401, headers={"X-Error-Code": "GatedRepo"})
        if repo not in self.repos:
            return to.give(404, headers={"X-Error-Code": "RepoNotFound"})
        if path.startswith("/api/"):
            return to.give(200, json.dumps(self.listing(repo, path.rpartition("/")[2])).encode())
        file = path.partition("/resolve/")[2].partition("/")[2]
        content = self.repos[repo].get(file)
        if content is None:
            return to.give(404, headers={"X-Error-Code": "EntryNotFound"})
        linked = {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{self.promised(content)}"'}
        if to.command == "HEAD" and not self.lists_sizes:
            return to.give(200, headers=linked)
        return to.give(302, headers={"Location": f"{self.cdn}/{repo}/{file}?Signature=secret", **linked})

    def listing(self, repo: str, revision: str) -> dict[str, Any]:
        def entry(path: str, content: bytes) -> dict[str, Any]:
            size = self.claims or len(content)
            stored = {"size": size, "lfs": {"size": size, "sha256": self.promised(content)}}
            return {"rfilename": path, **(stored if self.lists_sizes else {})}

        files = {"README.md": b"card", ".gitattributes": b"", **self.repos[repo]}
        commit = revision if re.fullmatch("[0-9a-f]{40}", revision) else "c" * 40
        return {"id": repo, "sha": commit, "siblings": [entry(*each) for each in files.items()]}

    def answer_file(self, to: Any) -> None:
        _, owner, name, file = to.path.partition("?")[0].split("/", 3)
        content = self.repos[f"{owner}/{name}"][file]
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        headers = {"ETag": etag} if self.etags else {}
        cut = self.cut_after.pop(0) if self.cut_after else 0
        asked = re.fullmatch(r"bytes=(\d+)-", to.headers.get("Range", ""))
        unchanged = to.headers.get("If-Range", etag) == etag or not self.honours_if_range
        if asked and self.ranges and unchanged:
            start = int(asked[1])
            if start >= len(content):
                return to.give(416, headers={"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return to.give(206, content[start:], headers, cut)
        return to.give(200, content, headers, cut)
