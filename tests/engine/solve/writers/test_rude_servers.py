"""Writer at a rude address: one line in bounded time, whatever the server does; and what is paid is counted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.errors import ConfigError, CureError, EnvironmentError_, RunError
from engine.prompts import Role
from engine.sampling import SamplingParams
from engine.solve.writers import Account, Answer, Ask, Cost
from engine.solve.writers.endpoints import Endpoint, EndpointSettings, Price, find_endpoint
from engine.solve.writers.openai_chat import OpenAIWriter
from tests.engine.servers.rude_server import Rude, drips, hangs, reply, rude_server, sends
from tests.engine.solve.writers.fake_server import Reply, completion, error, serving

PARAMS = {role: SamplingParams(0.8, 1.0, 64) for role in Role}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
PIECE = b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n'
DOLLAR = Price(input=0.0, output=10_000.0)
"""An answer of 20 tokens costs 20 cents."""
SOON = 15.0
"""Less than the deadline of an answer, and time enough for a busy machine."""


def ask(n: int) -> Ask:
    return Ask("coder", Role.CODER, ({"role": "user", "content": "Add."},), n, 7)


def writer_at(url: str, account: Account | None = None, price: Price | None = None, **settings: Any) -> OpenAIWriter:
    chosen = EndpointSettings(**{"retries": 0, "timeout_seconds": 60.0, **settings})
    return OpenAIWriter(Endpoint("m", url, chosen, price), PARAMS, account=account)


def write(url: str, n: int = 1, account: Account | None = None, **options: Any) -> list[Answer]:
    """Return the answers, settled as the strategies do."""
    writer, answers = writer_at(url, account, **options), []
    try:
        for answer in writer.write([ask(n)]):
            (account or Account()).settle(answer.reservation, answer.cost)
            answers.append(answer)
    finally:
        writer.close()
    return answers


FAULTS: dict[str, tuple[Rude, type[CureError], str]] = {
    "page": (sends(reply(b"<html>hi</html>")), RunError, "sends a web page instead of JSON"),
    "empty": (sends(reply(b"")), RunError, "OpenAI-compatible"),
    "no choices": (sends(reply(b'{"choices": []}')), RunError, "sends a reply without choices"),
    "only usage": (
        sends(HEAD + b'data: {"choices": [], "usage": {}}\n\ndata: [DONE]\n\n'),
        RunError,
        "without choices",
    ),
    "error": (sends(reply(b'{"error": {"message": "out of\\nmemory"}}')), RunError, "reports an error: out of memory"),
    "error in a stream": (sends(HEAD + PIECE + b'data: {"error": "boom"}\n\n'), RunError, "reports an error: boom"),
    "stream cut": (sends(HEAD + PIECE), EnvironmentError_, "closed the stream in the middle of an answer"),
    "length lies": (sends(reply(b'{"choices"', length=1000)), EnvironmentError_, "does not answer"),
    "large": (sends(reply(b" " * 12 * 2**20)), RunError, "sends more than 8 MB for one answer"),
    "redirect": (
        sends(reply(b"", "Location: http://evil.example/v1", status="307 T")),
        ConfigError,
        "redirects to another server, http://evil.example, which was not followed",
    ),
    "escapes": (
        sends(reply(b"\x1b]0;owned\x07" * 9, status="400 B")),
        ConfigError,
        "does not take the request: ]0;owned",
    ),
    "long status": (sends(reply(b"x" * 2**20, status="500 I")), RunError, "has an internal error: xxx"),
}


@pytest.mark.parametrize(("rude", "kind", "words"), FAULTS.values(), ids=FAULTS)
def test_a_rude_server_is_told_in_one_line_with_a_remedy(rude: Rude, kind: type[CureError], words: str) -> None:
    with rude_server(rude) as server, pytest.raises(CureError) as caught:
        write(server.url)
    assert type(caught.value) is kind
    assert words in caught.value.message
    assert caught.value.remedy
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "rude", [hangs, drips(HEAD, PIECE), drips(HEAD, b": alive\n\n")], ids=["hangs", "words", "blanks"]
)
def test_a_hung_request_costs_the_deadline_of_one_answer_not_one_a_try(rude: Rude) -> None:
    with rude_server(rude) as server, pytest.raises(RunError, match=r"took longer than 1\.5 s"):
        write(server.url, timeout_seconds=1.5, retries=5)
    assert len(server.heads) == 1


def test_retries_end_with_the_deadline() -> None:
    started = time.monotonic()
    with (
        serving(lambda number, request: error(500, "boom")) as server,
        pytest.raises(RunError, match="has an internal error"),
    ):
        write(server.url, timeout_seconds=2.0, retries=50)
    assert time.monotonic() - started < SOON
    assert 1 <= len(server.requests) <= 4


def test_a_server_that_asks_to_wait_longer_than_there_is_time_is_not_waited_for() -> None:
    started = time.monotonic()
    with serving(lambda number, request: error(429, "later", retry_after="3600")) as server, pytest.raises(RunError):
        write(server.url, retries=5)
    assert time.monotonic() - started < SOON
    assert len(server.requests) == 1


def test_a_silent_server_is_given_up_long_before_the_deadline() -> None:
    started = time.monotonic()
    with rude_server(hangs) as server, pytest.raises(RunError, match=r"sent nothing for 0\.5 s .*silence_seconds"):
        write(server.url, silence_seconds=0.5, retries=5)
    assert time.monotonic() - started < SOON


def test_a_stream_shows_its_first_tokens() -> None:
    held = threading.Event()

    def slow(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(HEAD + 3 * PIECE)
        held.wait(100)
        usage = b'{"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 4}}'
        end = b'data: {"choices": [{"delta": {"content": "y"}, "finish_reason": "length"}]}\n\n'
        connection.sendall(end + b"data: " + usage + b"\n\ndata: [DONE]\n\n")

    with rude_server(slow) as server:
        writer, answers = writer_at(server.url), list[Answer]()
        thread = threading.Thread(target=lambda: answers.extend(writer.write([ask(2)])))
        thread.start()
        while writer.waiting().pieces < 6:
            time.sleep(0.01)
        assert writer.waiting().answers == 2
        held.set()
        thread.join()
        assert writer.waiting().answers == 0
        writer.close()
    assert [(answer.text, answer.finished, answer.prompt_tokens, answer.tokens) for answer in answers] == [
        ("xxxy", False, 5, 4)
    ] * 2


def test_what_is_waited_for_names_the_retry() -> None:
    with serving(lambda number, request: error(429, "later", retry_after="50")) as server:
        writer = writer_at(server.url, retries=3)
        thread = threading.Thread(target=lambda: list(writer.write([ask(1)])))
        thread.start()
        while not writer.waiting().note:
            time.sleep(0.01)
        assert writer.waiting().note == "retry 1 of 3: 429"
        writer.give_up()
        thread.join(SOON)
        assert not thread.is_alive()
        writer.close()


@pytest.mark.parametrize(
    "said",
    [
        (400, "Unrecognized request argument supplied: stream"),
        (501, "Streaming is not implemented"),
        (422, "Unexpected fields in the request: {'stream_options', 'stream'}"),
    ],
)
def test_a_server_without_streams_is_asked_without_them(said: tuple[int, str]) -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        return error(*said) if "stream" in request else completion("here")

    with serving(handle) as server:
        assert [answer.text for answer in write(server.url, n=4, concurrency=1)] == ["here"] * 4
    assert len(server.requests) <= 4 + 2


def test_a_stream_that_counts_no_tokens_is_asked_for_no_more() -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        return Reply(PIECE + b"data: [DONE]\n\n") if request.get("stream") else completion("here")

    with serving(handle) as server:
        answers = write(server.url, n=3, concurrency=1)
    assert [(answer.text, answer.tokens) for answer in answers] == [("x", 0), ("here", 20), ("here", 20)]


def test_giving_up_ends_requests_at_once_and_keeps_their_estimates() -> None:
    account = Account()
    with rude_server(hangs) as server:
        writer, answers = writer_at(server.url, account, DOLLAR), list[Answer]()
        thread = threading.Thread(target=lambda: answers.extend(writer.write([ask(20)])))
        thread.start()
        while len(server.heads) < 8:
            time.sleep(0.01)
        started = time.monotonic()
        writer.give_up()
        thread.join()
        writer.close()
    assert time.monotonic() - started < SOON
    assert answers == []
    assert account.lost.answers == 8
    assert account.lost.dollars == pytest.approx(8 * 0.64)  # as long as an answer may get


# Money ------------------------------------------------------------------------------------------------------


def paying(seconds: float) -> tuple[Callable[[int, dict[str, Any]], Reply], list[float]]:
    """Return a server whose answers take some time and cost 20 cents, and the list of what it was paid."""
    paid: list[float] = []

    def handle(number: int, request: dict[str, Any]) -> Reply:
        paid.append(0.2)
        time.sleep(seconds)
        return completion("here")

    return handle, paid


@pytest.mark.parametrize(("limit", "answers"), [(1.0, 5), (0.99, 4), (0.3, 1), (0.1, 1), (100.0, 32)])
def test_a_limit_of_dollars_holds_while_eight_requests_are_under_way(limit: float, answers: int) -> None:
    handle, paid = paying(0.05)
    account = Account(dollars=limit)
    with serving(handle) as server:
        written = write(server.url, n=32, account=account, price=DOLLAR)
    assert len(written) == len(paid) == answers  # the first answer must be tried, whatever it may cost
    assert account.paid.dollars == pytest.approx(sum(paid))
    assert account.lost == Cost()
    assert account.full == ("" if limit == 100.0 else f"${limit:g}")


def test_a_limit_of_tokens_counts_prompts() -> None:
    account = Account(tokens=500)
    with serving(paying(0.05)[0]) as server:
        assert len(write(server.url, n=32, account=account)) == 4
    assert (account.paid.prompt_tokens, account.paid.tokens) == (400, 80)


def test_a_limit_on_a_server_that_counts_no_tokens_is_refused() -> None:
    with (
        serving(lambda number, request: completion("here", usage=False)) as server,
        pytest.raises(ConfigError, match=r"reports no token usage.*usage = .estimate.*endpoints\.toml"),
    ):
        write(server.url, n=32, account=Account(tokens=500))
    assert len(server.requests) == 1


def test_tokens_are_estimated_where_the_user_wants_it() -> None:
    account = Account(tokens=500)
    with serving(lambda number, request: completion("x" * 300, usage=False)) as server:
        assert len(write(server.url, n=32, account=account, usage="estimate")) == 4
    assert account.paid.tokens == 400


# Keys -------------------------------------------------------------------------------------------------------


def test_openais_names_of_organisations_go_to_openai_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS", "OPENAI_API_KEY", "VLLM_API_KEY"):
        monkeypatch.setenv(name, "X-Secret: sesame")
    with rude_server(sends(reply(completion("here").body))) as server:
        write(server.url)
    assert "sesame" not in server.heads[0]
    assert "authorization" not in server.heads[0].lower()


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://localhost:8000/v1", "sk-vllm"),
        ("http://127.0.0.1:8000", "sk-vllm"),
        ("http://localhost:8001/v1", ""),
        ("https://localhost:8000/v1", ""),
        ("http://gpu.example:8000/v1", ""),
        ("https://api.openai.com/v1", "sk-openai"),
        ("http://api.openai.com/v1", ""),
        ("https://api.openai.com.evil.example/v1", ""),
        ("https://api.openai.com@evil.example/v1", ""),
        ("https://api.openai.com:444/v1", ""),
    ],
)
def test_a_key_of_the_environment_goes_to_its_default_address_alone(
    url: str, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("VLLM_API_KEY", "sk-vllm")
    assert find_endpoint("m", url).key == key


def test_a_password_in_an_address_is_sent_and_in_no_message() -> None:
    with rude_server(sends(reply(b"I was given hunter2", status="400 B"))) as server:
        endpoint = find_endpoint("m", server.url.replace("//", "//me:hunter2@"))
        writer = OpenAIWriter(endpoint, PARAMS)
        with pytest.raises(ConfigError) as caught:
            list(writer.write([ask(1)]))
        writer.close()
    assert "hunter2" not in str(caught.value) + writer.name + repr(endpoint)
    assert "Basic bWU6aHVudGVyMg==" in server.heads[0]
