"""Tests of the connection with the real SDK and a server that misbehaves: each fault ends in one line, and soon."""

from __future__ import annotations

import concurrent.futures
import importlib.metadata
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.errors import ConfigError, EnvironmentError_, RunError
from engine.policy.tinker.client import Patience, TinkerClient
from engine.policy.tinker.connection import Connection
from tests.engine.policy.tinker.fake_server import FakeServer, fake_server

SERVED = "served/model"
QUICK = Patience(create=20.0, train=20.0, sync=20.0, sample=20.0, save=20.0, unload=2.0)


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with fake_server() as server:
        yield server


@pytest.fixture
def client(fake: FakeServer) -> Iterator[TinkerClient]:
    opened = TinkerClient.open(fake.url, SERVED, 8, patience=QUICK, watch_every=0.2)
    yield opened
    opened.close()


def test_the_key_goes_to_the_server_alone_and_no_setting_of_it_is_followed(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINKER_CREDENTIAL_CMD", "false")
    connection = Connection(fake.url.replace("http://", "http://name:password@"), SERVED)
    connection.close()
    assert connection.url == fake.url
    assert not [each for each in fake.asked if "client/config" in each or "telemetry" in each or "auth" in each]
    assert {each["X-API-Key"] for each in fake.headers} == {os.environ["TINKER_API_KEY"]}
    assert all(each["Authorization"].startswith("Basic ") for each in fake.headers)
    assert logging.getLogger("tinker").propagate is False
    assert os.environ["TINKER_TELEMETRY"] == "0"


@pytest.mark.parametrize(("key", "says"), [("", "no TINKER_API_KEY"), ("sk-1", "begin with tml-"), ("tml-a\nb", "odd")])
def test_no_key_or_an_odd_one_is_said_before_anything_is_sent(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch, key: str, says: str
) -> None:
    monkeypatch.setenv("TINKER_API_KEY", key)
    with pytest.raises(EnvironmentError_, match=says) as caught:
        Connection(fake.url, SERVED)
    assert not fake.asked
    assert key.strip() == "" or key not in str(caught.value)


@pytest.mark.parametrize("version", ["0.24.3", "0.26.2", "0.38.0", "1.25.0"])
def test_another_version_of_the_sdk_is_refused(fake: FakeServer, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    with pytest.raises(EnvironmentError_, match=version) as caught:
        Connection(fake.url, SERVED)
    assert caught.value.remedy == 'pip install "tinker>=0.25,<0.26"'


def test_no_sdk_is_said(fake: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(EnvironmentError_, match="not installed"):
        Connection(fake.url, SERVED)


def test_a_model_that_is_not_listed_is_refused_with_what_is(fake: FakeServer) -> None:
    with pytest.raises(EnvironmentError_, match="serves served/model, not Qwen/Qwen3-8B"):
        Connection(fake.url, "Qwen/Qwen3-8B")
    with pytest.raises(ConfigError):
        Connection("no address", SERVED)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        ((400, {"detail": "Maximum number of LoRA adapters (4) reached"}), "no adapter slot left"),
        ((422, {"detail": [{"loc": ["body"], "msg": "Field required"}]}), "Field required"),
        ((403, {"detail": "tml-for-tests is not allowed"}), "rejects the key"),
        ((302, b"", {"Location": "http://127.0.0.2:1/"}), "Redirect|refuses|cannot"),
        ((200, b"no json"), "refuses to create a model"),
        ((200, b"x" * 10, {"Content-Encoding": "gzip"}), "compresses"),
    ],
)
def test_a_refusal_or_a_lie_is_one_line_without_the_key(
    fake: FakeServer, client: TinkerClient, reply: tuple[int, object], says: str
) -> None:
    fake.replies["POST /api/v1/create_model"] = reply
    with pytest.raises((EnvironmentError_, RunError), match=says) as caught:
        client.create_model(0)
    assert "tml-for-tests" not in str(caught.value)
    assert caught.value.remedy


def test_a_request_that_never_ends_is_given_up(fake: FakeServer) -> None:
    fake.replies["POST /api/v1/create_model"] = (200, {"request_id": "1", "model_id": "model_1"})
    fake.replies["POST /api/v1/retrieve_future"] = (408, {"detail": "Timeout waiting for result"})
    client = TinkerClient.open(fake.url, SERVED, 8, patience=replace(QUICK, create=1.0), watch_every=0.2)
    with pytest.raises(RunError, match="did not create a model in time"):
        client.create_model(0)
    client.close()


def test_a_server_that_dies_while_it_is_waited_for_ends_the_waiting(fake: FakeServer, client: TinkerClient) -> None:
    """The SDK alone would retry for ever: the watchdog ends it after three misses."""
    fake.replies["POST /api/v1/create_model"] = (200, {"request_id": "1", "model_id": "model_1"})
    fake.replies["POST /api/v1/retrieve_future"] = (503, {"detail": "down"})
    fake.replies["GET /api/v1/healthz"] = (503, {"detail": "down"})
    began = time.monotonic()
    with pytest.raises(RunError, match="is lost") as caught:
        client.create_model(0)
    assert time.monotonic() - began < QUICK.create
    assert "cure-tui resume" in caught.value.remedy
    assert isinstance(client.lost.exception(0), RunError)
    with pytest.raises(RunError, match="is lost"):  # and whatever is asked for afterwards
        client.connection.wait(concurrent.futures.Future(), 5.0, "sample")
