"""Tests of the client with a real SkyRL server on its JAX backend: what it does, and the traps that we know of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from engine.errors import ConfigError, EnvironmentError_, RunError
from engine.policy.tinker.client import TinkerClient
from engine.policy.tinker.datum import Datum, FloatArray, Reduction
from engine.sampling.protocol import SamplingParams
from tests.tinker.skyrl_server import BACKEND, SkyRLServer

PROMPT = tuple(range(11, 43))
ANSWER = tuple(range(50, 66))
PARAMS = SamplingParams(max_new_tokens=16)
STOP = (2,)


@pytest.fixture
def client(server: SkyRLServer, nano_fp32: Path) -> Iterator[TinkerClient]:
    opened = TinkerClient.open(server.url, str(nano_fp32), 8, context_length=1024)
    opened.reduction = Reduction.SEQUENCE_MEAN
    yield opened
    opened.close()


def train(client: TinkerClient, steps: int, coefficient: float = 1.0) -> list[float | None]:
    """Take steps that make ANSWER likelier."""
    norms = []
    for _ in range(steps):
        (old,) = client.forward([Datum(PROMPT, ANSWER)])
        client.forward_backward([Datum(PROMPT, ANSWER, old, np.full(len(ANSWER), coefficient))])
        norms.append(client.optim_step(1e-2))
    return norms


def local_logprobs(model: torch.nn.Module) -> FloatArray:
    token_ids = torch.tensor([[*PROMPT, *ANSWER]])
    with torch.no_grad():
        logprobs = torch.log_softmax(model(token_ids).logits[0, :-1].float(), dim=-1)
    chosen = logprobs.gather(1, token_ids[0, 1:, None])[:, 0].numpy()
    return np.asarray(chosen[len(PROMPT) - 1 :], np.float32)


def test_an_adapter_is_trained_sampled_saved_resumed_and_exported(
    client: TinkerClient, server: SkyRLServer, nano_fp32: Path, tmp_path: Path
) -> None:
    """One test of the whole way, as each shape that is new to the server costs it a compilation."""
    model = client.create_model(seed=1)
    data = [Datum(PROMPT, ANSWER)]
    # A fresh adapter changes nothing: the base model's log-probs, as transformers computes them.
    base = AutoModelForCausalLM.from_pretrained(nano_fp32)
    (fresh,) = client.forward(data)
    np.testing.assert_allclose(fresh, local_logprobs(base), atol=1e-4)

    norms = train(client, 2)
    assert all(norm is not None and norm > 0 for norm in norms)
    (trained,) = client.forward(data)
    assert trained.sum() > fresh.sum() + 1.0

    # The sampler has the trainer's weights, and an answer of the same seed is the same one.
    handle = client.sync_sampler()
    assert client.sync_sampler() is handle
    answers = [client.sampled(client.sample(handle, PROMPT, 2, PARAMS, STOP, 7), 2, PARAMS, STOP) for _ in range(2)]
    assert answers[0] == answers[1]
    scored = client.forward([Datum(PROMPT, each.token_ids) for each in answers[0]])
    for logprobs, answer in zip(scored, answers[0], strict=True):
        np.testing.assert_allclose(logprobs, answer.logprobs, atol=1e-3)

    # Two states under one name are two, and neither takes the five minutes of a refused name.
    began = time.monotonic()
    first, second = client.save_state("step 2"), client.save_state("step 2")
    assert first != second
    assert time.monotonic() - began < 200
    client.delete(second)
    client.delete(second)
    with pytest.raises(RunError, match="no longer has this checkpoint"):
        client.load_state(second)

    # The export is what is trained: peft, which our own config is for, adapts all layers.
    client.load_state(first)
    client.export_adapter(tmp_path)
    adapted = PeftModel.from_pretrained(base, str(tmp_path))
    np.testing.assert_allclose(local_logprobs(adapted), trained, atol=1e-3)

    # Resumed, training goes on bit for bit.
    train(client, 1)
    (once,) = client.forward(data)
    client.load_state(first)
    train(client, 1)
    (again,) = client.forward(data)
    assert np.array_equal(once, again)
    assert model.id != client.policy.id if client.policy else False
    assert client.traffic.sent > 1000
    assert client.traffic.received > 1000


def test_an_old_sampler_is_refused_and_a_new_one_leaves_the_training_alone(client: TinkerClient) -> None:
    client.create_model(seed=2)
    before = client.sync_sampler()
    client.sampled(client.sample(before, PROMPT, 1, PARAMS, STOP, 1), 1, PARAMS, STOP)
    train(client, 1)
    with pytest.raises(ValueError, match="before the last update"):
        client.sample(before, PROMPT, 1, PARAMS, STOP, 1)
    (trained,) = client.forward([Datum(PROMPT, ANSWER)])
    after = client.sync_sampler()
    client.sampled(client.sample(after, PROMPT, 1, PARAMS, STOP, 1), 1, PARAMS, STOP)
    (still,) = client.forward([Datum(PROMPT, ANSWER)])
    assert np.array_equal(still, trained)


def test_what_the_server_accepts_without_a_word_is_refused_here(client: TinkerClient, server: SkyRLServer) -> None:
    with pytest.raises(EnvironmentError_, match="not Qwen/Qwen3-8B"):
        TinkerClient.open(server.url, "Qwen/Qwen3-8B", 8)
    client.create_model(seed=3)
    with pytest.raises(ConfigError, match="exceed the context of 1024"):
        client.sample(client.sync_sampler(), [11] * 1009, 1, PARAMS, STOP, 1)
    with pytest.raises(ValueError, match="cannot be taken back"):
        client.forward_backward([Datum(PROMPT, ANSWER, [0.0] * 16, [float("nan")] * 16)])


def test_used_up_slots_and_too_large_a_rank_are_said_and_slots_are_free_again_after_close(
    server: SkyRLServer, nano_fp32: Path
) -> None:
    greedy = TinkerClient.open(server.url, str(nano_fp32), 8)
    for _ in range(BACKEND["max_lora_adapters"] - 1):
        greedy.create_model(seed=0)
    with pytest.raises(EnvironmentError_, match="no adapter slot left"):
        greedy.create_model(seed=0)
    greedy.close()
    too_large = TinkerClient.open(server.url, str(nano_fp32), 64)
    with pytest.raises(EnvironmentError_, match="rank"):
        too_large.create_model(seed=0)
    too_large.rank = 8
    too_large.create_model(seed=0)
    too_large.close()
