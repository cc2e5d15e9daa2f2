"""Tests of plain requests and of the watchdog, with a server that a test makes ill."""

from __future__ import annotations

import concurrent.futures
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import EnvironmentError_, RunError
from engine.policy.tinker.faults import ServerSaid
from engine.policy.tinker.requests import Requests, ServedModel, parts_of
from engine.policy.tinker.watchdog import MISSES, Watchdog
from engine.servers.addresses import Address
from engine.servers.client import RequestFault, Trouble
from tests.engine.policy.tinker.fake_server import FakeServer, fake_server

KEY = "tml-very-secret"
ARCHIVE = "/api/v1/training_runs/model_1/checkpoints/s-1/archive"


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with fake_server() as server:
        yield server


@pytest.fixture
def requests(fake: FakeServer) -> Iterator[Requests]:
    made = Requests(Address.parse(fake.url), KEY)
    yield made
    made.close()


def test_the_served_models_are_listed_and_odd_entries_left_out(fake: FakeServer, requests: Requests) -> None:
    assert requests.greet() > 0
    odd = [
        {"model_name": "a", "max_context_length": 8},
        {"model_name": 3},
        "b",
        {"model_name": "c", "max_context_length": "x"},
    ]
    fake.replies["GET /api/v1/get_server_capabilities"] = (200, {"supported_models": odd})
    assert requests.served_models() == (ServedModel("a", 8), ServedModel("c"))
    assert {each["X-API-Key"] for each in fake.headers} == {KEY}


def test_no_server_and_a_server_of_another_kind_are_told_apart(fake: FakeServer, requests: Requests) -> None:
    fake.replies.clear()
    with pytest.raises(EnvironmentError_, match="does not answer as a Tinker server does \\(status 404\\)"):
        requests.greet()
    nobody = Requests(Address.parse(f"http://127.0.0.1:{_unused_port()}"), KEY)
    with pytest.raises(EnvironmentError_, match="no Tinker server answers") as caught:
        nobody.greet()
    nobody.close()
    assert "skyrl.tinker.api" in caught.value.remedy


@pytest.mark.parametrize("reply", [[], {}, {"supported_models": None}, "text"])
def test_a_server_that_lists_no_models_is_refused(fake: FakeServer, requests: Requests, reply: object) -> None:
    fake.replies["GET /api/v1/get_server_capabilities"] = (200, reply)
    with pytest.raises(EnvironmentError_, match="which model"):
        requests.served_models()


def test_what_is_gone_already_is_unloaded_and_deleted(fake: FakeServer, requests: Requests) -> None:
    requests.unload("model_1", 5.0)
    requests.delete("tinker://model_1/weights/step-1")
    assert fake.asked == [
        "POST /api/v1/unload_model",
        "DELETE /api/v1/training_runs/model_1/checkpoints/weights/step-1",
    ]
    fake.replies["POST /api/v1/unload_model"] = (500, {"detail": f"{KEY}: No space left on device"})
    with pytest.raises(ServerSaid) as caught:
        requests.unload("model_1", 5.0)
    assert KEY not in str(caught.value)


def test_an_unloading_is_waited_for(fake: FakeServer, requests: Requests) -> None:
    fake.replies["POST /api/v1/unload_model"] = (200, {"request_id": "7"})
    fake.replies["POST /api/v1/retrieve_future"] = (200, {"type": "unload_model"})
    requests.unload("model_1", 5.0)
    assert fake.asked[-1] == "POST /api/v1/retrieve_future"
    fake.replies["POST /api/v1/retrieve_future"] = (408, {"detail": "Timeout waiting for result"})
    with pytest.raises(TimeoutError):
        requests.unload("model_1", 0.2)


def test_a_download_follows_its_own_server_and_no_other(fake: FakeServer, requests: Requests, tmp_path: Path) -> None:
    path, file = "tinker://model_1/sampler_weights/s-1", tmp_path / "a"
    fake.replies["GET /there"] = (200, b"x" * 1000)
    fake.replies[f"GET {ARCHIVE}"] = (302, b"", {"Location": f"{fake.url}/there"})
    assert requests.download(path, file, 1000) == 1000
    assert file.stat().st_size == 1000
    with pytest.raises(RequestFault) as too_large:
        requests.download(path, file, 999)
    fake.replies[f"GET {ARCHIVE}"] = (302, b"", {"Location": "http://127.0.0.2:1/there"})
    with pytest.raises(RequestFault) as elsewhere:
        requests.download(path, file, 1000)
    assert (too_large.value.trouble, elsewhere.value.trouble) == (Trouble.TOO_LARGE, Trouble.REDIRECT)


@pytest.mark.parametrize(
    "path", ["", "model/weights/a", "tinker://m/weights/../x", "tinker://m/odd/a", "tinker://m/weights/a?b"]
)
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(RunError, match="path"):
        parts_of(path)


def test_the_two_paths_of_a_samplers_weights_are_one() -> None:
    assert parts_of("tinker://m/s-1") == parts_of("tinker://m/sampler_weights/s-1") == ("m", "sampler_weights", "s-1")


def test_the_watchdog_ends_the_waiting_once_nobody_listens(fake: FakeServer) -> None:
    gone = Requests(Address.parse(f"http://127.0.0.1:{_unused_port()}"), KEY)
    watchdog = Watchdog(gone, every_seconds=0.01)
    error = watchdog.lost.exception(60)
    watchdog.close()
    gone.close()
    assert isinstance(error, RunError)
    assert "is lost" in error.message
    assert "cure-tui resume" in error.remedy


def test_the_watchdog_forgives_fewer_misses_than_three(fake: FakeServer, requests: Requests) -> None:
    ill = (503, {"detail": "busy"})
    outcomes: list[object] = [ill] * (MISSES - 1)

    class OftenIll(Requests):
        """Requests whose health comes from the list above, and is good afterwards."""

        def health(self, seconds: float) -> None:
            if outcomes:
                outcomes.pop()
                raise ServerSaid(503, "busy")
            recovered.set_result(None)

    recovered: concurrent.futures.Future[None] = concurrent.futures.Future()
    often_ill = OftenIll(Address.parse(fake.url), KEY)
    watchdog = Watchdog(often_ill, every_seconds=0.01)
    recovered.result(60)
    assert not watchdog.lost.done()
    watchdog.close()
    often_ill.close()


def test_the_watchdog_waits_longer_for_a_silent_server_than_for_none(fake: FakeServer) -> None:
    asked: list[None] = []
    five_times: concurrent.futures.Future[None] = concurrent.futures.Future()

    class Silent(Requests):
        """Requests to a server behind a network that is cut."""

        def health(self, seconds: float) -> None:
            asked.append(None)
            if len(asked) == MISSES + 2:
                five_times.set_result(None)
            raise RequestFault(Trouble.TOO_SLOW, "took longer than 10 s")

    silent = Silent(Address.parse(fake.url), KEY)
    watchdog = Watchdog(silent, every_seconds=0.01)
    five_times.result(60)
    assert not watchdog.lost.done()
    watchdog.close()
    silent.close()


def _unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
