"""Bounded requests, against servers that drip, bomb, redirect, lie about lengths and hang."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from engine.errors import ConfigError
from engine.servers.addresses import Address
from engine.servers.background import Background
from engine.servers.client import Bounds, Client, RequestFault, Trouble
from tests.engine.servers.rude_server import Rude, drips, hangs, reply, rude_server, sends

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
MEGABYTE = 2**20
SOON = 5.0
"""Less than the deadline of a request, and time enough for a busy machine."""


@pytest.fixture
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


def ask(
    background: Background, rude: Rude, *, key: str = "", method: str = "POST", silence_seconds: float = 60.0,
    seconds: float = 60.0, max_bytes: int = MEGABYTE, streams: bool = True,
) -> tuple[int, list[bytes]]:  # fmt: skip
    """Return status and documents of one request."""

    async def request(url: str) -> tuple[int, list[bytes]]:
        client = Client(Address.parse(url), key, silence_seconds=silence_seconds)
        try:
            async with client.send(method, "/x", {"a": 1}, Bounds(seconds, max_bytes, streams)) as incoming:
                return incoming.status, [document async for document in incoming.documents()]
        finally:
            await client.close()

    with rude_server(rude) as server:
        return background.wait(request(server.url))


def fault_of(background: Background, rude: Rude, **options: float) -> tuple[Trouble, str, float]:
    started = time.monotonic()
    with pytest.raises(RequestFault) as caught:
        ask(background, rude, **options)  # type: ignore[arg-type]
    return caught.value.trouble, caught.value.said, time.monotonic() - started


@pytest.mark.parametrize(
    "rude",
    [
        hangs,
        drips(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        drips(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
        drips(HEAD, b": alive\n\n"),
        drips(HEAD, b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n'),
        drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["hangs", "headers", "blanks", "comments", "answers without end", "continue"],
)
def test_a_deadline_holds_for_the_whole_request_not_for_a_read(background: Background, rude: Rude) -> None:
    trouble, said, seconds = fault_of(background, rude, seconds=0.6)
    assert (trouble, said) == (Trouble.TOO_SLOW, "took longer than 0.6 s")
    assert seconds < SOON


@pytest.mark.parametrize("rude", [hangs, sends(HEAD + b"data: {}\n\n")], ids=["at once", "in the middle"])
def test_a_stream_that_falls_silent_is_given_up(background: Background, rude: Rude) -> None:
    def silent(connection: socket.socket, over: threading.Event) -> None:
        rude(connection, over)
        over.wait(60)

    trouble, said, seconds = fault_of(background, silent, silence_seconds=0.4)
    assert (trouble, said) == (Trouble.SILENT, "sent nothing for 0.4 s")
    assert seconds < SOON


def test_streams_that_wait_for_their_turn_are_not_silent(background: Background) -> None:
    async def both(url: str) -> list[int]:
        import asyncio

        client = Client(Address.parse(url), silence_seconds=2.0)

        async def one(number: int) -> int:
            async with client.send("POST", f"/{number}", {}, Bounds(20.0, MEGABYTE, True)) as incoming:
                return len(await incoming.read())

        sizes = await asyncio.gather(one(0), one(1))
        await client.close()
        return sizes

    turn, first_done = threading.Lock(), threading.Event()

    def one_by_one(connection: socket.socket, over: threading.Event) -> None:
        with turn:
            first = not first_done.is_set()
            connection.sendall(HEAD)
            for _ in range(10 if first else 1):
                over.wait(0.25)
                connection.sendall(b"data: {}\n\n")
            first_done.set()

    with rude_server(one_by_one) as server:
        assert sorted(background.wait(both(server.url))) == [10, 100]  # the second one waited longer than a silence


def test_a_silence_is_no_fault_of_a_reply_that_does_not_stream(background: Background) -> None:
    def late(connection: socket.socket, over: threading.Event) -> None:
        over.wait(0.6)
        connection.sendall(reply(b"{}"))

    assert ask(background, late, silence_seconds=0.2, streams=False) == (200, [b"{}"])


def _bomb(*codings: str, megabytes: int = 2000) -> Rude:
    """Return a reply of blanks that is small until it is decoded."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31 if codings[0] == "gzip" else 15)
    packed = b"".join([*(deflate.compress(b" " * MEGABYTE) for _ in range(megabytes)), deflate.flush()])
    for coding in codings[1:]:
        packed = gzip.compress(packed) if coding == "gzip" else zlib.compress(packed)
    return sends(reply(packed, f"Content-Encoding: {', '.join(codings)}"))


@pytest.mark.parametrize("codings", [("gzip",), ("deflate",), ("gzip", "gzip"), ("gzip", "deflate")])
def test_a_small_reply_does_not_grow_beyond_its_cap(background: Background, codings: tuple[str, ...]) -> None:
    bomb = _bomb(*codings, megabytes=300)
    tracemalloc.start()
    try:
        trouble, said, seconds = fault_of(background, bomb, max_bytes=8 * MEGABYTE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (trouble, said) == (Trouble.TOO_LARGE, "sends more than 8 MB for one answer")
    assert seconds < 5.0
    assert peak < 100 * MEGABYTE


@pytest.mark.parametrize("coding", ["br", "zstd", "unheard-of"])
def test_a_coding_that_is_not_known_is_not_decoded(background: Background, coding: str) -> None:
    assert ask(background, sends(reply(b"\x1b\x00packed", f"Content-Encoding: {coding}"))) == (200, [b"\x1b\x00packed"])


def test_a_coding_that_grows_without_bounds_is_not_decoded_where_its_library_is_installed(
    background: Background,
) -> None:
    brotli = pytest.importorskip("brotli")
    packed = brotli.compress(b" " * 200 * MEGABYTE)
    assert len(packed) < 1000
    for codings in ("br", "BR", "gzip, br"):
        status, documents = ask(background, sends(reply(packed, f"Content-Encoding: {codings}")))
        assert (status, b"\n".join(documents)) == (200, packed)


@pytest.mark.parametrize("body", [b"x" * 3 * MEGABYTE, b"data: " + b"x" * 3 * MEGABYTE, b"\n" * 3 * MEGABYTE])
def test_a_large_reply_is_cut_off(background: Background, body: bytes) -> None:
    assert fault_of(background, sends(reply(body)))[:2] == (Trouble.TOO_LARGE, "sends more than 1 MB for one answer")


def test_a_long_line_in_small_pieces_takes_no_quadratic_time(background: Background) -> None:
    def pieces(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(HEAD + b"data: ")
        for _ in range(16_000):
            connection.sendall(b"x" * 1000)

    started = time.process_time()
    _, (document,) = ask(background, pieces, max_bytes=32 * MEGABYTE)
    assert len(document) == 16_000_000
    assert time.process_time() - started < 10.0


@pytest.mark.parametrize(
    "data",
    [
        reply(b"{}", length=100),
        b"",
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{}\r\n",
        reply(b"not gzip", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 3 * MEGABYTE + b"\r\n\r\n{}",
    ],
    ids=["too long", "nothing", "no HTTP", "negative", "two lengths", "no chunk", "cut chunk", "no gzip", "header"],
)
def test_a_broken_reply_is_a_fault(background: Background, data: bytes) -> None:
    trouble, said, _ = fault_of(background, sends(data))
    assert trouble is Trouble.BROKEN
    assert said
    assert "\n" not in said


_KEY = "sk-Very-SECRET-Key"


@pytest.mark.parametrize(
    "data",
    [
        f"HTTP/1.1 2x Bearer {_KEY}\r\n\r\n".encode(),
        f"HTTP/1.1 2x {'x' * 150}{_KEY}\r\n\r\n".encode(),
        f"HTTP/1.1 200 OK\r\nAuthorization {_KEY}\r\n\r\n".encode(),
        reply(b"", f"Location: http://{_KEY}.example.org/", status="307 T"),
        reply(b"", f"Location: /{'x' * 170}{_KEY}", status="303 S"),
    ],
    ids=["status", "cut status", "header", "host", "cut path"],
)
def test_a_fault_that_quotes_the_key_does_not_show_a_part_of_it(background: Background, data: bytes) -> None:
    with pytest.raises(RequestFault) as caught:
        ask(background, sends(data), key=_KEY)
    assert "sk-very" not in caught.value.said.lower()


def test_a_login_is_hidden_as_the_server_receives_it(background: Background) -> None:
    async def shown() -> str:
        client = Client(Address.parse("http://me:Pass%20Word@127.0.0.1:1/v1"))
        await client.close()
        return client.shown("Basic bWU6UGFzcyBXb3Jk is pass word")

    assert background.wait(shown()) == "Basic … is …"


def test_what_follows_a_reply_that_is_shorter_than_it_says_is_not_read(background: Background) -> None:
    assert ask(background, sends(reply(b'{"a": 1}HTTP/1.1 200 OK', length=8))) == (200, [b'{"a": 1}'])


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{}/v1/x", "http://localhost:{}/v1/x", "https://127.0.0.1:{}/", "//127.0.0.1:{}"]
)
@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
def test_a_redirect_to_another_origin_is_not_followed(background: Background, target: str, status: str) -> None:
    with rude_server(sends(reply(b"{}"))) as stranger:
        location = target.format(stranger.url.rsplit(":", 1)[1].split("/")[0])
        trouble, said, _ = fault_of(background, sends(reply(b"", f"Location: {location}", status=status)))
        assert stranger.heads == []
    assert trouble is Trouble.REDIRECT
    assert "redirects to another server, http" in said


def test_a_redirect_within_the_origin_is_followed_with_the_key(background: Background) -> None:
    def moved(connection: socket.socket, over: threading.Event) -> None:
        found = len(server.heads) > 1
        connection.sendall(reply(b"{}") if found else reply(b"", "Location: /v2/x", status="307 T"))

    async def request(url: str) -> int:
        client = Client(Address.parse(url), "sk-secret")
        try:
            async with client.send("POST", "/x", {}, Bounds(9.0, MEGABYTE)) as incoming:
                return incoming.status
        finally:
            await client.close()

    with rude_server(moved) as server:
        assert background.wait(request(server.url)) == 200
        assert [head.split()[1] for head in server.heads] == ["/v1/x", "/v2/x"]
        assert all("Bearer sk-secret" in head for head in server.heads)


def test_redirects_in_a_circle_end(background: Background) -> None:
    circle = sends(reply(b"", "Location: /v1/x", status="307 T"))
    assert fault_of(background, circle)[:2] == (Trouble.REDIRECT, "redirects in a circle")


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_events_are_read_and_all_else_between_them_is_not(background: Background, ends: bytes) -> None:
    lines = [b": hello", b"event: x", b'data: {"a": 1}', b"", b"id: 7", b'data:{"b": 2}', b"", b"data: [DONE]", b""]
    _, documents = ask(background, sends(HEAD + ends.join(lines)))
    assert documents == [b'{"a": 1}', b'{"b": 2}', b"[DONE]"]


def test_a_body_without_events_is_one_document(background: Background) -> None:
    text = json.dumps({"a": [1, 2]}, indent=2).encode()
    assert ask(background, sends(reply(text))) == (200, [text])
    assert ask(background, sends(reply(b""))) == (200, [])


# Addresses --------------------------------------------------------------------------------------------------


def test_a_password_in_an_address_is_sent_and_never_shown(background: Background) -> None:
    address = Address.parse("http://me:pass%20word@127.0.0.1:1/v1/")
    assert address == Address("http://127.0.0.1:1/v1", ("me", "pass word"))
    assert "word" not in repr(address)


@pytest.mark.parametrize(
    "text",
    [
        "http://me:word@", "ftp://me:word@h/v1", "me:word@h", "http://me:word@h:port/v1", "http://me:word@[::1/v1",
        "http://me:word@h/v1?key=word", "http://h/#word", "http://h\n/", "http://me:word@h o/", "http://h\x1b]0;word/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_quoting_a_secret(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Address.parse(text)
    assert "word" not in str(caught.value)
    assert caught.value.remedy


def test_an_origin_is_scheme_host_and_port() -> None:
    assert Address.parse("http://H/v1").origin == Address.parse("http://h:80/v2").origin
    assert Address.parse("http://h/v1").origin != Address.parse("https://h/v1").origin
    assert Address.parse("http://h:1/v1").origin != Address.parse("http://h:2/v1").origin
