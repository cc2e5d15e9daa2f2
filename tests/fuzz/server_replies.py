"""Replies of servers: a real server of this machine sends what a case says, byte by byte, and clients read it.

A case is a list of replies, one a connection, each a list of steps: send bytes, so many times, wait, hang, reset.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import socket
import struct
import threading
import zlib
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from engine.config import RolloutConfig
from engine.machine.local_servers import local_servers
from engine.presets import load_preset
from engine.prompts import Role
from engine.prompts.reading import read_program, read_unit_test
from engine.sampling import SamplingParams
from engine.sampling.endpoint import EndpointSampler
from engine.sampling.protocol import Request
from engine.servers.settings import EndpointSettings, Price
from engine.solve.writers import Account, Ask
from engine.solve.writers.endpoints import Endpoint
from engine.solve.writers.openai_chat import OpenAIWriter
from tests.engine.servers.rude_server import rude_server
from tests.fuzz.kind import Kind, prepare_nothing
from tests.fuzz.mutations import changed_bytes, changed_tree, json_bytes

Step = dict[str, Any]
_SECONDS = 1.0
_FILE = "replies.json"

_CHAT: Any = {
    "id": "x", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": {
        "role": "assistant", "content": "```python\nprint(1)\n```", "refusal": None, "reasoning_content": "Hm."}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
}  # fmt: skip
_PIECES: list[Any] = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"reasoning": "Hm."}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"content": "```python\nprint(1)\n"}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": "```"}]}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 12}},
]
_ERROR: Any = {"error": {"message": "max_tokens is not supported, use max_completion_tokens", "type": "x", "code": 400}}
_MODELS: Any = {"object": "list", "data": [{"id": "base", "parent": None, "max_model_len": 1000},
                                           {"id": "lora", "parent": "base"}]}  # fmt: skip
_TAGS: Any = {"models": [{"name": "qwen2.5-coder:7b", "size": 1}]}
_TOKENS: list[Any] = [
    {"choices": [{"index": 0, "text": "", "token_ids": [5, 6], "logprobs": {"token_logprobs": [-0.1, -0.2]},
                  "finish_reason": None}]},
    {"choices": [{"index": 0, "text": "", "token_ids": [1], "logprobs": {"token_logprobs": [-0.1]},
                  "finish_reason": "stop"}]},
]  # fmt: skip


def _events(chance: random.Random, events: Sequence[Any]) -> bytes:
    """Write a stream of events, one of them changed, in an order of its own now and then."""
    events = list(events)
    for _ in range(chance.choice((0, 1, 1, 2))):
        at = chance.randrange(len(events))
        match chance.randrange(10):
            case 0:
                del events[at]
                events = events or [{}]
            case 1:
                events[at:at] = [events[at]] * chance.choice((1, 50, 20_000))
            case 2:
                chance.shuffle(events)
            case _:
                events[at] = changed_tree(chance, events[at])
    lead, end = chance.choice((b"data: ", b"data:", b"data:  ")), chance.choice((b"\n\n", b"\r\n\r\n", b"\n"))
    lines = [lead + json_bytes(chance, event) + end for event in events]
    for _ in range(chance.choice((0, 0, 1, 3))):
        odd = (b": ping\n\n", b"event: x\n", b"id: 1\nretry: 9\n", b"data:\n\n", b"data: [DONE]\n\n", b"\n" * 5000,
               b"data: <html>\n\n", b'data: {"error": "\x1b[31m"}\n\n', b"\xff\n", b"{}\n", b"data: " + b" " * 90_000 + b"\n")  # fmt: skip
        lines.insert(chance.randint(0, len(lines)), chance.choice(odd))
    whole = b"".join(lines)[: 8 << 20]  # larger ones are sent in repeated steps: this process holds them, too
    return whole + chance.choice((b"data: [DONE]\n\n", b"data: [DONE]\n\n", b"", b"data: [DONE]"))


_STATUSES = ("200 OK",) * 90 + (
    "400 Bad", "401 No", "404 X", "422 X", "429 Slow", "500 X", "503 X", "204 X", "206 X", "307 Away", "308 Away",
    "301 Away", "304 X", "100 Go on", "103 X", "101 X", "999 X", "200", "20", "-1 X", "2000 X", "\x1b[31m X",
)  # fmt: skip
_NAMES = (
    "Retry-After",
    "retry-after-ms",
    "Set-Cookie",
    "Content-Type",
    "Content-Length",
    "Connection",
    "X",
    "x" * 9000,
)
_VALUES = ("nan", "inf", "-1", "1e999", "0", "9" * 400, "é", "", "x" * 50_000, "a\tb", "1", "close, x", "text/html")
_LOCATIONS = (
    "/v1/models", "http://127.0.0.1:1/x", "file:///etc/passwd", "//", "http://[", "", "http://example.invalid/",
    "\x1b]0;x", "x" * 9000, "http://127.0.0.1:99999/", "javascript:1", "?", "/v1/chat/completions", "http://u:p@h/",
)  # fmt: skip
_NO_HTTP = (
    b"", b"\0" * 5000, b"HTTP/2.0 200 OK\r\n\r\n", b"\x16\x03\x01\x02\0\x01" * 50, b"SSH-2.0-x\r\n", b"<html>", b"\n",
    b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000, b"HTTP/1.1 200 OK\r\nA: " + b"x" * (1 << 20),
    b"HTTP/0.9 200\r\n\r\n", b"HTTP/1.1 200 OK\r\n:\r\n\r\n", b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
    b"HTTP/1.1 200 OK\nA: b\n\n{}",
)  # fmt: skip
_ENCODINGS = ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x", "identity", "gzip" * 900)
_SIZES = ("ffffffffff", "-1", "x", "0", "", "9" * 400)
_LENGTHS = (0, 1, 1 << 40, -1, "x", "1, 2", "9" * 5000, "+5", "0x10", "")


def _reply(chance: random.Random, body: bytes, kind: str = "application/json") -> list[Step]:
    """Write a reply, in which now and then a header lies, or the body is packed, cut, dripped or endless."""
    status, headers = chance.choice(_STATUSES), [("Content-Type", kind), ("Connection", "close")]
    length: object = len(body)
    match chance.randrange(16):
        case 0:
            length = chance.choice((*_LENGTHS, len(body) // 2, len(body) + 10))
        case 1:
            packed = gzip.compress(body, 1)
            body = chance.choice((packed, packed[:-4], changed_bytes(chance, packed), gzip.compress(packed)))
            headers.append(("Content-Encoding", chance.choice(_ENCODINGS)))
            length = len(body)
        case 2:
            headers.append(("Transfer-Encoding", chance.choice(("chunked", "chunked", "gzip, chunked", "x"))))
            size = chance.choice((*_SIZES, f"{len(body):x}", f"{len(body):x};a=" + "b" * 9000))
            body = f"{size}\r\n".encode() + body + chance.choice((b"\r\n0\r\n\r\n", b"", b"\r\n"))
            length = None
        case 3:
            headers.append(("Location", chance.choice(_LOCATIONS)))
            status = chance.choice(("307 X", "308 X", "302 X", "301 X", "303 X"))
        case 4:
            headers += [(chance.choice(_NAMES), chance.choice(_VALUES)) for _ in range(chance.choice((1, 3, 2000)))]
            status = chance.choice(("429 X", "503 X", "200 OK", "200 OK"))
        case 5:
            body = changed_bytes(chance, body)
            length = len(body)
        case 6 | 7:
            return _no_end(chance, _head(status, headers, None), body)
        case 8:
            whole = _head(status, headers, len(body)) + body
            cut = [_send(whole[: chance.randrange(300)]), {"end": chance.choice(("hang", "reset"))}]
            return chance.choice(([_send(chance.choice(_NO_HTTP))], cut, [_send(changed_bytes(chance, whole))]))
    return [_send(_head(status, headers, length)), _send(body)]


def _no_end(chance: random.Random, head: bytes, body: bytes) -> list[Step]:
    """Write a reply that drips, never ends, or grows to hundreds of megabytes when it is unpacked."""
    continued = b"HTTP/1.1 100 Continue\r\n\r\n"
    part = chance.choice(
        (b" " * 65536, b"data: {}\n\n" * 6000, b"x" * 65536, b'{"a":' * 9000, b"data: x" + b"y" * 60_000)
    )
    packer = zlib.compressobj(1, wbits=-15)
    block = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = head.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n") + gzip.compress(b"")[:10]
    return chance.choice((
        [_send(head), {"drip": _text(chance.choice((b" ", b"\n", b"data: {}\n\n", b": x\n", body[:1])))}],
        [_send(head), {"send": _text(part), "times": 10_000}],
        [_send(packed), {"send": _text(block), "times": chance.choice((300, 900))}],
        [{"send": _text(continued), "times": 9000}],
    ))  # fmt: skip


def _head(status: str, headers: Sequence[tuple[str, str]], length: object) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def _send(data: bytes) -> Step:
    return {"send": _text(data), "times": 1}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _write(place: Path, replies: Sequence[list[Step]]) -> str:
    (place / "home" / _FILE).write_text(json.dumps(replies))
    first = b"".join(base64.b64decode(step.get("send", "")) for step in replies[0])
    return repr(first[:200])


class _Scripted:
    """Rude server that sends the next reply of the case on each connection, and the last one from then on."""

    def __init__(self, place: Path) -> None:
        file = place / "home" / _FILE
        whole = [_send(_head("200 OK", (), len(body := json.dumps(_CHAT).encode())) + body)]
        self.replies: list[list[Step]] = json.loads(file.read_text()) if file.exists() else [whole]
        self.count = 0

    def __call__(self, connection: socket.socket, over: threading.Event) -> None:
        reply = self.replies[min(self.count, len(self.replies) - 1)]
        self.count += 1
        connection.settimeout(5)
        with suppress(OSError):
            for step in reply:
                data = base64.b64decode(step.get("send", ""))
                for _ in range(step.get("times", 1)):
                    connection.sendall(data)
                while "drip" in step and not over.wait(0.05):
                    connection.sendall(base64.b64decode(step["drip"]))
                if step.get("end") == "hang":
                    over.wait(20)
                if step.get("end") == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# Chat completions -------------------------------------------------------------------------------------------------


def _mutate_chat(chance: random.Random, place: Path) -> str:
    replies = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        match chance.randrange(5):
            case 0:
                replies.append(_reply(chance, json_bytes(chance, changed_tree(chance, _ERROR))))
            case 1 | 2:
                replies.append(_reply(chance, json_bytes(chance, changed_tree(chance, _CHAT))))
            case _:
                replies.append(_reply(chance, _events(chance, _PIECES), "text/event-stream"))
    return _write(place, replies)


def _ask_chat(place: Path) -> None:
    settings = EndpointSettings(retries=1, timeout_seconds=_SECONDS, silence_seconds=_SECONDS / 2, concurrency=2)
    messages = ({"role": "user", "content": "Add."},)
    with rude_server(_Scripted(place)) as server, ExitStack() as resources:
        price, params = Price(input=1, output=1), {role: SamplingParams(0.8, 1.0, 64) for role in Role}
        writer = OpenAIWriter(Endpoint("m", server.url, settings, price, "key"), params, (), Account(tokens=10**6))
        resources.callback(writer.close)
        for answer in writer.write([Ask("coder", Role.CODER, messages, 2, 7)]):
            writer.waiting()
            for read in (read_program, read_unit_test):
                read(answer.text, finished=answer.finished)
            json.dumps(answer.text).encode()
            assert answer.tokens >= 0
            assert answer.dollars >= 0


# vLLM -------------------------------------------------------------------------------------------------------------


class _Weights:
    weights_version = 1

    def export_adapter(self, path: Path) -> None:
        path.mkdir()


class _Words:
    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        return " ".join(map(str, token_ids))


def _mutate_vllm(chance: random.Random, place: Path) -> str:
    """Change one of the replies to: which models, load an adapter, sample."""
    whole = (
        [_send(_head("200 OK", (("Connection", "close"),), len(body := json.dumps(_MODELS).encode())) + body)],
        [_send(_head("200 OK", (("Connection", "close"),), 7) + b"Success")],
        [_send(_head("200 OK", (("Connection", "close"),), None)), _send(_events(random.Random(3), _TOKENS))],
    )
    at = chance.choice((0, 1, 2, 2, 2))
    changed = (
        _reply(chance, json_bytes(chance, changed_tree(chance, _MODELS))),
        _reply(chance, json_bytes(chance, changed_tree(chance, _ERROR))),
        _reply(chance, _events(chance, _TOKENS), "text/event-stream"),
    )
    return f"{at}: " + _write(place, [*whole[:at], changed[at], *whole[at + 1 :]])


def _sample(place: Path) -> None:
    nano = load_preset("nano").rollout
    with rude_server(_Scripted(place)) as server, ExitStack() as resources:
        settings = RolloutConfig.model_validate(nano.model_dump() | {"endpoints": (server.url,), "max_batch": 4})
        shared = place / "home" / "shared"
        sampler = EndpointSampler(
            settings, _Weights(), _Words(), stop_ids=(1,), lora_rank=8, hang_seconds=_SECONDS, shared=shared, new_canary=None
        )  # fmt: skip
        resources.callback(sampler.close)
        params = SamplingParams(1.0, 1.0, 1)
        for completion in sampler.sample([Request("a", (3, 4), 2, 7)], params, lambda delta: None):
            json.dumps(completion.text)
            assert len(completion.token_ids) == len(completion.logprobs) <= params.max_new_tokens


# Servers that this machine may have -------------------------------------------------------------------------------


def _mutate_local(chance: random.Random, place: Path) -> str:
    tree = chance.choice((_MODELS, _TAGS))
    return _write(place, [_reply(chance, json_bytes(chance, changed_tree(chance, tree))) for _ in range(2)])


def _look_around(place: Path) -> None:
    with rude_server(_Scripted(place)) as server:
        for found in local_servers((("Ollama", int(server.url.split(":")[2].split("/")[0])),)):
            assert all(name.isprintable() for name in found.models)


CHAT = Kind(prepare_nothing, _mutate_chat, _ask_chat)
VLLM = Kind(prepare_nothing, _mutate_vllm, _sample)
LOCAL = Kind(prepare_nothing, _mutate_local, _look_around)
