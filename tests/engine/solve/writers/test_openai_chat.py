"""Writer at an address, against a local server with every fault that servers have."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError, CureError, EnvironmentError_, RunError
from engine.prompts import PromptStyle, Role
from engine.sampling import SamplingParams
from engine.solve.writers import Answer, Ask
from engine.solve.writers.endpoints import Endpoint, EndpointSettings, Price, find_endpoint
from engine.solve.writers.openai_chat import OpenAIWriter
from engine.solve.writers.request_form import LIMIT
from engine.solve.writers.spec import WriterSpec, parse_spec
from tests.engine.solve.writers.fake_server import Handle, Reply, completion, error, serving

PARAMS = {role: SamplingParams(0.8, 1.0, 64) for role in Role}


def ask(n: int = 1) -> Ask:
    return Ask("coder", Role.CODER, ({"role": "user", "content": "Add."},), n, 7)


def write(
    url: str, n: int = 1, key: str = "", price: Price | None = None, insisted: Sequence[str] = (), **settings: Any
) -> list[Answer]:
    chosen = EndpointSettings(**{"retries": 1, "timeout_seconds": 5.0, **settings})
    writer = OpenAIWriter(Endpoint("m", url, chosen, price, key), PARAMS, insisted)
    try:
        return list(writer.write([ask(n)]))
    finally:
        writer.close()


def fault_of(handle: Handle, **options: Any) -> CureError:
    with serving(handle) as server, pytest.raises(CureError) as caught:
        write(server.url, **options)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


def test_every_answer_is_asked_for_once_with_a_seed_of_its_own() -> None:
    with serving(lambda number, request: completion(f"answer {number}")) as server:
        answers = write(server.url, n=5, price=Price(input=1.0, output=10.0))
    assert sorted(answer.index for answer in answers) == [0, 1, 2, 3, 4]
    assert sorted(answer.text for answer in answers) == [f"answer {number}" for number in range(5)]
    assert sorted(request["seed"] for request in server.requests) == [7, 8, 9, 10, 11]
    assert {(answer.prompt_tokens, answer.tokens, answer.dollars) for answer in answers} == {(100, 20, 0.0003)}
    assert server.requests[0]["temperature"] == 0.8
    assert server.requests[0]["max_tokens"] == 64


def test_an_answer_cut_by_its_limit_is_unfinished_and_one_without_text_is_empty() -> None:
    with serving(lambda number, request: completion(None, "length", usage=False)) as server:
        (answer,) = write(server.url)
    assert (answer.finished, answer.text, answer.tokens) == (False, "", 0)


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        return error(429, "slow down", retry_after_ms="50") if number == 0 else completion("here")

    started = time.monotonic()
    with serving(handle) as server:
        assert [answer.text for answer in write(server.url)] == ["here"]
    assert len(server.requests) == 2
    assert time.monotonic() - started < 60


def test_faults_are_told_apart() -> None:
    cases: list[tuple[Handle, type[CureError], str]] = [
        (lambda number, request: error(401, "bad key sk-secret"), EnvironmentError_, "refuses the API key"),
        (lambda number, request: error(404, "no such model"), ConfigError, "has no model m: "),
        (lambda number, request: error(429, "later", retry_after_ms="10"), RunError, "is rate-limiting requests"),
        (lambda number, request: error(500, "boom", retry_after_ms="10"), RunError, "has an internal error"),
        (lambda number, request: error(400, "context too long"), ConfigError, "does not take the request"),
        (lambda number, request: Reply(b"<html>hello</html>"), RunError, "OpenAI-compatible"),
        (lambda number, request: Reply(b'{"choices": []}'), RunError, "OpenAI-compatible"),
        (lambda number, request: Reply(b'{"choices": [{"mess'), RunError, "OpenAI-compatible"),
        (lambda number, request: Reply(b"[1, 2]"), RunError, "OpenAI-compatible"),
        (lambda number, request: Reply(b'{"choices": [{"index": 0}]}' * 100, cut=20), EnvironmentError_, "not answer"),
    ]
    for handle, kind, what in cases:
        fault = fault_of(handle, key="sk-secret")
        assert type(fault) is kind, fault
        assert what in fault.message
        assert "sk-secret" not in str(fault)


def test_a_slow_server_is_given_up_after_its_time() -> None:
    given_up = threading.Event()

    def handle(number: int, request: dict[str, Any]) -> Reply:
        given_up.wait(100)
        return completion("late")

    with serving(handle) as server:
        with pytest.raises(RunError, match=r"longer than 0\.2 s"):
            write(server.url, timeout_seconds=0.2, retries=0)
        given_up.set()


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        started = time.monotonic()
        with pytest.raises(EnvironmentError_, match="does not answer"):
            write(url, retries=50)
        assert time.monotonic() - started < 60.0  # nothing to wait for


def test_one_fault_ends_the_writing_and_keeps_what_was_written() -> None:
    with serving(lambda number, request: completion("ok") if number < 2 else error(400, "no")) as server:
        endpoint = Endpoint("m", server.url, EndpointSettings(concurrency=1), None)
        answers = OpenAIWriter(endpoint, PARAMS).write([ask(5)])
        assert [next(answers).text, next(answers).text] == ["ok", "ok"]
        with pytest.raises(ConfigError):
            next(answers)
    assert len(server.requests) == 3


def test_answers_under_way_when_another_fails_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    all_asked, failed = threading.Barrier(4), threading.Event()
    fault_of_error = OpenAIWriter._fault  # noqa: SLF001

    def fault(writer: OpenAIWriter, error: Exception) -> CureError:
        failed.set()
        return fault_of_error(writer, error)

    def handle(number: int, request: dict[str, Any]) -> Reply:
        all_asked.wait(100)
        if request["seed"] == 7:
            return error(400, "no")
        assert failed.wait(100)
        return completion("paid for")

    monkeypatch.setattr(OpenAIWriter, "_fault", fault)
    with serving(handle) as server:
        answers = OpenAIWriter(Endpoint("m", server.url, EndpointSettings(concurrency=4), None), PARAMS).write([ask(4)])
        kept = [next(answers).text for _ in range(3)]
        with pytest.raises(ConfigError):
            next(answers)
    assert kept == ["paid for"] * 3
    assert len(server.requests) == 4


# What servers do not take -----------------------------------------------------------------------------------


def refusing(*fields: str, status: int = 400, words: str = "Unsupported parameter: '{}' is not supported.") -> Handle:
    """Refuse requests with one of the fields, by a message that names the first of them."""

    def handle(number: int, request: dict[str, Any]) -> Reply:
        met = [field for field in fields if field in request]
        return error(status, words.format(met[0])) if met else completion("here")

    return handle


@pytest.mark.parametrize(
    "handle",
    [
        refusing("max_tokens", words="'{}' is not supported with this model. Use 'max_completion_tokens' instead."),
        refusing("temperature", "top_p", words="Unsupported value: '{}' does not support 0.8 with this model."),
        refusing("seed", status=422, words="Unexpected fields in the request: {{'{}'}}"),
        # vllm serve, of a limit longer than its context, whatever the limit is called
        refusing("max_tokens", "max_completion_tokens", words="{}=4096 cannot be greater than max_model_len=1024"),
        refusing("max_tokens", "max_completion_tokens", "temperature", "top_p", "seed"),
    ],
    ids=["old limit", "reasoning model", "no seed", "short context", "takes nothing"],
)
def test_a_field_that_a_server_refuses_is_left_out_from_then_on(handle: Handle) -> None:
    with serving(handle) as server:
        answers = write(server.url, n=6, concurrency=1)
    assert [answer.text for answer in answers] == ["here"] * 6
    assert len(server.requests) <= 6 + 5  # refusals are met once, not for every answer
    assert all(request["messages"] for request in server.requests)


def test_requests_under_way_at_once_learn_from_one_another() -> None:
    with serving(refusing("max_tokens", "max_completion_tokens", "temperature", "seed")) as server:
        assert len(write(server.url, n=32, concurrency=8)) == 32
    assert server.requests[-1].keys().isdisjoint({"max_tokens", "max_completion_tokens", "temperature", "seed"})


def test_the_limit_is_called_as_the_server_wants_it() -> None:
    with serving(refusing("max_tokens")) as server:
        write(server.url, insisted=[LIMIT])
    assert server.requests[-1]["max_completion_tokens"] == 64


@pytest.mark.parametrize(
    ("insisted", "fields"), [("temperature", ["temperature"]), (LIMIT, ["max_tokens", "max_completion_tokens"])]
)
def test_what_the_user_has_set_is_not_left_out_in_silence(insisted: str, fields: list[str]) -> None:
    fault = fault_of(refusing(*fields), insisted=[insisted])
    assert type(fault) is ConfigError
    assert f"does not take the request: Unsupported parameter: '{fields[-1]}'" in fault.message


def test_a_server_that_holds_nano_is_asked_in_its_own_words() -> None:
    for style in PromptStyle:
        endpoint = Endpoint("m", "http://127.0.0.1:1/v1", EndpointSettings(prompts=style), None)
        assert OpenAIWriter(endpoint, PARAMS).style is style


# Keys and prices --------------------------------------------------------------------------------------------


def test_openais_key_goes_to_openai_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert find_endpoint("gpt").key == "sk-secret"
    other = find_endpoint("gpt", "http://localhost:1234/v1/")
    assert (other.key, other.url) == ("", "http://localhost:1234/v1")
    assert "sk-secret" not in repr(find_endpoint("gpt"))


def test_the_file_gives_keys_prices_and_manners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    monkeypatch.setenv("MY_KEY", "k")
    (tmp_path / "endpoints.toml").write_text(
        '[endpoint."http://h/v1"]\napi_key_env = "MY_KEY"\nconcurrency = 2\n[price."m"]\ninput = 1\noutput = 2\n'
    )
    endpoint = find_endpoint("m", "http://h/v1")
    assert (endpoint.key, endpoint.settings.concurrency) == ("k", 2)
    assert endpoint.price is not None
    assert endpoint.price.dollars(1_000_000, 500_000) == 2.0


def test_a_missing_key_names_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError) as caught:
        find_endpoint("gpt")
    assert "OPENAI_API_KEY" in caught.value.remedy


@pytest.mark.parametrize("key", ["sk-se\ncret", "sk-se cret", "sk-secrét", "sk-secret\x00"])
def test_a_key_that_no_header_can_hold_is_refused_without_quoting_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    (tmp_path / "endpoints.toml").write_text(f'[endpoint."http://u"]\napi_key = {json.dumps(key)}\n')
    with pytest.raises(ConfigError) as caught:
        find_endpoint("m", "http://u")
    assert "sk-" not in str(caught.value)
    assert "characters" in caught.value.message


def test_a_line_end_after_a_key_is_not_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret\n")
    assert find_endpoint("gpt").key == "sk-secret"


def test_half_a_key_is_not_told_either() -> None:
    said = "x" * 190 + " sk-very-secret-key"
    assert "sk-very" not in str(fault_of(lambda number, request: error(400, said), key="sk-very-secret-key"))


@pytest.mark.parametrize("text", ["[endpoint", '[endpoint."u"]\nkey = "sk-secret"\n', '[price."m"]\ninput = -1\n'])
def test_a_file_with_a_fault_is_refused_without_quoting_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    (tmp_path / "endpoints.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        find_endpoint("m", "http://u")
    assert "endpoints.toml" in caught.value.message
    assert "sk-secret" not in str(caught.value)


# Who is meant -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("nano", WriterSpec("preset", "nano")),
        ("preset:qwen3-4b@48", WriterSpec("preset", "qwen3-4b@48")),
        ("run:my-run", WriterSpec("run", "my-run")),
        ("openai:qwen3@q4_k_m@http://h:1/v1", WriterSpec("openai", "qwen3@q4_k_m", "http://h:1/v1")),
        ("model:Qwen/Qwen3-4B", WriterSpec("model", "Qwen/Qwen3-4B")),
        ("Qwen/Qwen3-4B", WriterSpec("model", "Qwen/Qwen3-4B")),
        ("openai:gpt-4o-mini", WriterSpec("openai", "gpt-4o-mini")),
        ("openai:q:7b@http://localhost:11434/v1", WriterSpec("openai", "q:7b", "http://localhost:11434/v1")),
    ],
)
def test_specs(text: str, spec: WriterSpec) -> None:
    assert parse_spec(text) == spec


@pytest.mark.parametrize("text", ["", "openai:", "openai:@http://u", "openai:m@localhost", "run:", "what:ever"])
def test_what_is_no_spec(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_spec(text)
    assert caught.value.remedy
