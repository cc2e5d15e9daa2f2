"""Fake `vllm serve`: answers in the same format, draws tokens by seed, and fails as a test orders."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STOP = 1
BASE = "base-model"


@dataclass
class FakeVllm:
    """Behaviour of the fake server, and a record of its requests.

    loads: names and paths in order. silent_after: sends nothing after so many chunks of all answers together.
    dies_after: closes every connection after so many. token_ids: answers contain them. held: sends nothing until set.
    """

    max_model_len: int = 1000
    load_status: int = 200
    load_words: str = ""
    models_status: int = 200
    completion_status: int = 200
    completion_words: str = "out of order"
    silent_after: float = float("inf")
    dies_after: float = float("inf")
    token_ids: bool = True
    ignores_limit: bool = False
    key: str = ""
    url: str = ""
    adapters: dict[str, str] = field(default_factory=dict)
    loads: list[tuple[str, str]] = field(default_factory=list)
    completions: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    chunks: int = 0
    held: threading.Event = field(default_factory=threading.Event)
    broken_streams: int = 0


def tokens_of(seed: int, stop_ids: list[int], max_tokens: int) -> list[int]:
    """Draw the answer for `seed`: the same on every server."""
    draw = random.Random(seed)
    drawn = [draw.randrange(2, 90) for _ in range(draw.randrange(5, 30))] + stop_ids[:1]
    return drawn[:max_tokens]


def logprob_of(token: int) -> float:
    return -token / 100


@contextmanager
def serving(server: FakeVllm, port: int = 0) -> Iterator[FakeVllm]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.keys.append(self.headers.get("Authorization", ""))
            if server.models_status != 200 or self.headers.get("Authorization", "") != server.key:
                self._reply(server.models_status if server.models_status != 200 else 401, {"error": "no"})
                return
            models = [{"id": BASE, "parent": None, "max_model_len": server.max_model_len}]
            models += [{"id": name, "parent": BASE} for name in server.adapters]
            self._reply(200, {"object": "list", "data": models})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            match self.path:
                case "/v1/load_lora_adapter":
                    self._load(body)
                case "/v1/unload_lora_adapter":
                    server.adapters.pop(body["lora_name"], None)
                    self._reply(200, "Success")
                case "/v1/completions":
                    self._complete(body)

        def _load(self, body: dict[str, Any]) -> None:
            if server.load_status != 200:
                error = {"error": {"message": server.load_words}} if server.load_words else {"detail": "Not Found"}
                self._reply(server.load_status, error)
                return
            with lock:
                server.adapters[body["lora_name"]] = body["lora_path"]
                server.loads.append((body["lora_name"], body["lora_path"]))
            self._reply(200, "Success")

        def _complete(self, body: dict[str, Any]) -> None:
            with lock:
                server.completions.append(body)
            if server.completion_status != 200:
                self._reply(server.completion_status, {"error": {"message": server.completion_words}})
                return
            if body["model"] not in {BASE, *server.adapters}:
                self._reply(404, {"error": {"message": f"The model `{body['model']}` does not exist."}})
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            try:
                self._stream(body)
            except OSError:
                server.broken_streams += 1
            self.close_connection = True

        def _stream(self, body: dict[str, Any]) -> None:
            tokens = tokens_of(
                body["seed"], body["stop_token_ids"], 1000 if server.ignores_limit else body["max_tokens"]
            )
            step = body["stream_interval"]
            for first in range(0, len(tokens), step):
                with lock:
                    server.chunks += 1
                    chunks = server.chunks
                if chunks > server.dies_after:
                    return
                if chunks > server.silent_after:
                    server.held.wait()
                    return
                part, last = tokens[first : first + step], first + step >= len(tokens)
                choice: dict[str, Any] = {
                    "index": 0,
                    "text": "",
                    "logprobs": {"token_logprobs": [logprob_of(token) for token in part]},
                    "finish_reason": ("stop" if tokens[-1] == STOP else "length") if last else None,
                }
                if server.token_ids:
                    choice["token_ids"] = part
                self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
                self.wfile.flush()
            self.wfile.write(b"data: [DONE]\n\n")

        def _reply(self, status: int, body: object) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None: ...

    class Listener(ThreadingHTTPServer):
        request_queue_size = 128  # a call requests all its answers at once

    http = Listener(("127.0.0.1", port), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.held.set()
        http.shutdown()
        http.server_close()
        thread.join()
