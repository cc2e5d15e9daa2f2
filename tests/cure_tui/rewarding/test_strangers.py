"""`cure-tui reward serve` seen by strangers: without the key nothing runs, and many connections keep nobody out."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket

import pytest

from engine.servers.connections import MOST_WAITING
from tests.cure_tui.rewarding.served import SECONDS, TASK, Served

BODY = json.dumps({"tasks": [TASK]}).encode()


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer " + "0" * 64},
        {"Authorization": "Bearer é\x80"},
        {"Authorization": "", "Cookie": "key={key}"},
        {"Authorization": "Basic {key}"},
        {"Authorization": "Bearer {key}0"},
        {"Authorization": "{key}"},
    ],
)
def test_without_the_key_nothing_is_answered(served: Served, headers: dict[str, str]) -> None:
    status, answer = served.send(BODY, **{name: value.format(key=served.key) for name, value in headers.items()})
    assert status == 401
    assert served.key not in answer["error"]
    assert "key file" in answer["error"]


def test_the_key_in_an_address_opens_nothing(served: Served) -> None:
    assert served.send(BODY, f"/v1/rewards?key={served.key}", Authorization="")[0] == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost:x"])
def test_a_name_that_another_site_has_pointed_here_is_refused(served: Served, host: str) -> None:
    with socket.create_connection(served.netloc, SECONDS) as client:
        lines = served.request(BODY).split(b"\r\n")
        lines[1] = f"Host: {host}".encode()
        client.sendall(b"\r\n".join(lines))
        assert b" 403 " in client.recv(4096)


def test_a_page_of_a_browser_is_refused_even_with_the_key(served: Served) -> None:
    assert served.send(BODY, Origin=f"http://127.0.0.1:{served.netloc[1]}")[0] == 403


def test_silent_and_half_open_connections_are_bounded_and_keep_nobody_out(served: Served) -> None:
    with contextlib.ExitStack() as opened:
        for number in range(MOST_WAITING + 100):
            client = opened.enter_context(socket.create_connection(served.netloc, SECONDS))
            if number % 2:
                client.sendall(b"POST /v1/rewards HTTP/1.1\r\nHost: ")
        assert served.ask(TASK)
        sockets = [each for each in served.family()[0].net_connections() if each.status == "ESTABLISHED"]
        assert len(sockets) <= MOST_WAITING + 1


def test_what_is_no_http_is_refused_and_the_server_goes_on(served: Served) -> None:
    for noise in (b"\x16\x03\x01" + b"\0" * 200, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"x" * 100_000):
        with socket.create_connection(served.netloc, SECONDS) as client, contextlib.suppress(ConnectionError):
            client.sendall(noise + b"\r\n\r\n")
            client.recv(4096)
    assert served.ask(TASK)


def test_a_client_that_leaves_is_not_missed(served: Served) -> None:
    for _ in range(5):
        with socket.create_connection(served.netloc, SECONDS) as client:
            client.sendall(served.request(BODY))
        with socket.create_connection(served.netloc, SECONDS) as client:
            client.sendall(served.request(BODY)[:-20])
    assert served.ask(TASK)


def test_a_kept_connection_answers_again_after_a_refusal(served: Served) -> None:
    kept = http.client.HTTPConnection(*served.netloc, timeout=SECONDS)
    for body, status in ((BODY, 200), (b"{}", 400), (BODY, 200)):
        kept.request("POST", "/v1/rewards", body, {"Authorization": f"Bearer {served.key}"})
        answer = kept.getresponse()
        answer.read()
        assert answer.status == status
    kept.close()
