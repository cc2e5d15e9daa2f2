"""Tests of learner and sampler with a real SkyRL server: an update is the local one, and traps are caught."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load_file

from engine.errors import RunError
from engine.machine.model_folders import ADAPTER_FILE
from engine.models import load_base_model
from engine.policy import Policy, TrainSample, attach_adapter
from engine.policy.tinker.client import TinkerClient
from engine.policy.tinker.datum import Reduction
from engine.policy.tinker.learner import TinkerLearner
from engine.policy.tinker.probes import check_server
from engine.policy.tinker.sampler import TinkerSampler
from engine.sampling.adapters import agreement_bound
from engine.sampling.protocol import Request, SamplingParams
from tests.engine.policies import policy_with
from tests.engine.policy.tinker.agreement import assert_agree
from tests.engine.sections import NANO, changed
from tests.engine.tiny_models import make_samples
from tests.tinker.skyrl_server import SkyRLServer

RANK = 8
AGREEMENT = agreement_bound("fp32", "fp32")
SETTINGS: dict[str, object] = {
    "learning_rate": 2e-3,
    "schedule": "constant",
    "warmup_steps": 0,
    "kl_beta": 0.02,
    "max_grad_norm": 1e9,
    "lora_rank": RANK,
    "lora_alpha": 32.0,
}


@pytest.fixture
def client(server: SkyRLServer, nano_fp32: Path) -> Iterator[TinkerClient]:
    opened = TinkerClient.open(server.url, str(nano_fp32), RANK, context_length=1024)
    yield opened
    opened.close()


def learner_on(client: TinkerClient) -> TinkerLearner:
    return TinkerLearner(client, changed(NANO.policy, **SETTINGS), steps=1, seed=0)


def local_policy(nano: Path, learner: TinkerLearner, folder: Path) -> Policy:
    """Return the policy of this process with the adapter that the server holds."""
    learner.export_adapter(folder)
    base = load_base_model(str(nano), "fp32", "cpu")
    model = attach_adapter(base.model, RANK, 32.0, seed=0)
    set_peft_model_state_dict(model, load_file(folder / ADAPTER_FILE))
    return policy_with(model, base.tokenizer, kl_measure_share=1.0, **SETTINGS)


def disturbed(policy: Policy) -> list[TrainSample]:
    """Return samples whose sampler's log-probs are the policy's, disturbed by 0.3 nats."""
    draw = random.Random(7)
    return [
        replace(each, sampler_logprobs=tuple(x + draw.gauss(0, 0.3) for x in each.sampler_logprobs))
        for each in make_samples(policy)
    ]


def flat(weights: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([weights[name].flatten() for name in sorted(weights)])


def test_an_update_from_fresh_adapters_is_the_local_one(client: TinkerClient, nano_fp32: Path, tmp_path: Path) -> None:
    found = check_server(client, AGREEMENT, deep=True)
    assert found.reduction is Reduction.SEQUENCE_MEAN
    assert found.gap < 1e-4
    assert found.floor is not None
    assert found.floor < 1e-4

    learner = learner_on(client)
    local = local_policy(nano_fp32, learner, tmp_path / "before")
    samples = disturbed(local)
    assert_agree(learner.update(samples), local.update(samples))
    learner.export_adapter(tmp_path / "server")
    local.export_adapter(tmp_path / "local")
    before, server, here = (flat(load_file(tmp_path / name / ADAPTER_FILE)) for name in ("before", "server", "local"))
    assert float(torch.cosine_similarity(server - before, here - before, 0)) > 0.999
    # From here on B is not 0 and JAX trains one A for q, k and v: updates stay alike, but are not the same.
    assert learner.update(samples).kl == pytest.approx(local.update(samples).kl, rel=0.1)

    client.reduction = Reduction.SUM  # the trap that the probe is for
    assert learner.update(samples).grad_norm < 0.1 * local.update(samples).grad_norm


def test_answers_come_by_their_seeds_and_stale_weights_end_the_run(client: TinkerClient, nano_fp32: Path) -> None:
    client.reduction = Reduction.SEQUENCE_MEAN
    learner = learner_on(client)
    tokenizer = load_base_model(str(nano_fp32), "fp32", "cpu").tokenizer
    prompt = tuple(range(11, 23))
    sampler = TinkerSampler(learner, tokenizer, stop_ids=(2,), canary_prompt=prompt, agreement=AGREEMENT)
    requests = [Request("a", prompt, 3, seed=5), Request("b", prompt[:8], 2, seed=2**62)]
    params = SamplingParams(max_new_tokens=16)

    def drawn() -> dict[tuple[str, int], tuple[int, ...]]:
        return {(each.request_id, each.index): each.token_ids for each in sampler.sample(requests, params)}

    first = drawn()
    assert len(first) == 5
    assert drawn() == first
    some = replace(requests[0], absent=frozenset({0}))
    assert {each.index: each.token_ids for each in sampler.sample([some], params)} == {
        index: first["a", index] for index in (1, 2)
    }

    # An older sampler would have the server load its weights into the slot that is trained. Its checkpoint is gone.
    old = client.sync_sampler()
    samples = [TrainSample(prompt, ids, (-3.0,) * len(ids), 1.0, "coder") for ids in first.values()]
    learner.update(samples)
    assert drawn()  # synced, checked by the canary
    trained = learner.logprobs(samples)
    types = client.connection.sdk.types
    asked = old.sampling.sample(
        types.ModelInput.from_ints(list(prompt)), 1, types.SamplingParams(max_tokens=16, seed=1)
    )
    with pytest.raises(RunError):
        client.connection.wait(asked, 60.0, "sample")
    assert learner.logprobs(samples) == trained

    # A sampler that has stayed at the base model, as vLLM behind a server may.
    learner.update(samples)
    of_base = client.connection.service.create_sampling_client(base_model=client.connection.served.name)
    object.__setattr__(client.sync_sampler(), "sampling", of_base)
    with pytest.raises(RunError, match="does not sample from the policy's weights"):
        drawn()
