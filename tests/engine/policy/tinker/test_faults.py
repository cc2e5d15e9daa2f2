"""Tests of the errors of server and SDK: each becomes one line with a remedy. The texts are those of SkyRL 0.4."""

from __future__ import annotations

import concurrent.futures

import pytest

from engine.errors import CureError, EnvironmentError_, RunError
from engine.policy.tinker.faults import ServerSaid, detail_in, explained

URL = "http://127.0.0.1:8000"
RETRIEVING = (
    "Error retrieving result: Error code: 400 - {{'detail': '{}'}} (status 400) for self.request_id='7' — exceeded 3 "
    "retries"
)


class APIConnectionError(Exception):
    """The SDK's, by its name."""


@pytest.mark.parametrize(
    ("error", "kind", "message", "remedy"),
    [
        (
            ValueError(RETRIEVING.format("Maximum number of LoRA adapters (6) reached")),
            EnvironmentError_,
            "no adapter slot left",
            "max_lora_adapters",
        ),
        (
            ValueError(RETRIEVING.format("LoRA rank 64 must be between 1 and 16")),
            EnvironmentError_,
            "LoRA rank 64 must be between 1 and 16",
            "policy.lora_rank",
        ),
        (
            ValueError(
                RETRIEVING.format("Model model_1a2b3c4d not loaded (likely stale request from previous server)")
            ),
            RunError,
            "restarted",
            "cure-tui resume",
        ),
        (ServerSaid(404, "Model not found"), RunError, "restarted", "cure-tui resume"),
        (ServerSaid(404, "Session not found"), RunError, "restarted", "cure-tui resume"),
        (ServerSaid(404, "Checkpoint not found: model_1/s-1"), RunError, "model_1/s-1", "--checkpoints-base"),
        (
            ValueError(RETRIEVING.format("[Errno 28] No space left on device")),
            RunError,
            "the disk of http://127.0.0.1:8000 is full",
            "free space",
        ),
        (ServerSaid(500, "(sqlite3.OperationalError) database or disk is full"), RunError, "disk of", "free space"),
        (ServerSaid(500, "Internal Server Error"), RunError, "failed to save the state", "disk is full"),
        (ServerSaid(401, "bad key"), EnvironmentError_, "TINKER_API_KEY", "key"),
        (ServerSaid(404, "Not Found"), EnvironmentError_, "knows no request", "SkyRL"),
        (ServerSaid(409, "Checkpoint 'a' already exists"), RunError, "has that name already", "resume"),
        (ServerSaid(422, "body.rank: Input should be"), RunError, "body.rank: Input should be", "log"),
        (ServerSaid(400, "max_tokens is currently required"), RunError, "max_tokens is currently required", "log"),
        (concurrent.futures.TimeoutError(), RunError, "in time", "resume"),
        (APIConnectionError("Connection error."), RunError, "cannot be reached", "start the server again"),
        (KeyError("odd"), RunError, "odd", "log"),
    ],
)
def test_each_error_becomes_one_line_with_a_remedy(
    error: Exception, kind: type[CureError], message: str, remedy: str
) -> None:
    found = explained(error, URL, "save the state")
    assert type(found) is kind
    assert message in found.message
    assert remedy in found.remedy
    assert "\n" not in str(found)
    assert "self.request_id" not in str(found)


def test_our_own_errors_pass_and_a_key_in_the_servers_words_is_hidden() -> None:
    own = RunError("x", "y")
    assert explained(own, URL, "sample") is own
    said = explained(
        ServerSaid(400, "tml-secret is no key"), URL, "sample", lambda text: text.replace("tml-secret", "…")
    )
    assert "tml-secret" not in str(said)


def test_a_refusal_by_pydantic_is_its_first_line() -> None:
    body = {"detail": [{"loc": ["body", "data", 0], "msg": "Field required"}]}
    assert detail_in(body) == "body.data.0: Field required"
    assert detail_in({"detail": {"odd": 1}}) == '{"odd": 1}'
    assert detail_in("plain text") == "plain text"
