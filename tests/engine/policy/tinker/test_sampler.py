"""Sampler on a server: whole groups at once, seeds of its own, and never the weights of before an update."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from itertools import pairwise
from typing import Any

import pytest

from engine.errors import RunError
from engine.policy.tinker.client import SEEDS
from engine.policy.tinker.learner import TinkerLearner
from engine.policy.tinker.sampler import TinkerSampler, request_seed, runs_of
from engine.sampling.adapters import agreement_bound
from engine.sampling.protocol import Delta, Request, SamplingParams
from tests.engine.policy.tinker.fake_engine import FakeClient, FakeEngine
from tests.engine.sections import NANO, changed
from tests.engine.tiny_models import make_samples

PARAMS = SamplingParams(max_new_tokens=8)
EOS = 95


class Bench:
    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.engine = FakeEngine(model)
        self.client = FakeClient(self.engine)
        section = changed(NANO.policy, learning_rate=1e-2, schedule="constant", warmup_steps=0, kl_beta=0.0)
        self.learner = TinkerLearner(self.client, section, steps=1, seed=0)  # type: ignore[arg-type]
        self.sampler = TinkerSampler(
            self.learner, tokenizer, stop_ids=(EOS,), canary_prompt=(1, 2, 3), agreement=agreement_bound("fp32", "fp32")
        )


@pytest.fixture
def bench(make_model: Callable[..., Any], tokenizer: Any) -> Bench:
    return Bench(make_model(moved=False), tokenizer)


def test_groups_are_asked_for_at_once_and_come_whole(bench: Bench) -> None:
    deltas: list[Delta] = []
    requests = [Request("a", (1, 2), 3, seed=5), Request("b", (4, 5, 6), 2, seed=2**62)]
    first = list(bench.sampler.sample(requests, PARAMS, deltas.append))
    assert [n for n, _ in bench.client.asked] == [1, 3, 2]  # the canary, then both
    assert sorted((c.request_id, c.index) for c in first) == [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1)]
    assert all(c.finished == (c.token_ids[-1] == EOS) for c in first)
    waiting = [delta for delta in deltas if not delta.token_ids]
    assert {(delta.request_id, delta.index) for delta in waiting} == {(c.request_id, c.index) for c in first}
    whole = {(delta.request_id, delta.index): delta.token_ids for delta in deltas if delta.token_ids}
    assert whole == {(c.request_id, c.index): c.token_ids for c in first}
    again = list(bench.sampler.sample(requests, PARAMS))
    assert {(c.request_id, c.index): c.token_ids for c in again} == whole


def test_answers_that_are_known_are_not_asked_for_and_the_others_are_the_same(bench: Bench) -> None:
    request = Request("a", (1, 2), 6, seed=5)
    every = {c.index: c.token_ids for c in bench.sampler.sample([request], PARAMS)}
    some = Request("a", (1, 2), 6, seed=5, absent=frozenset({0, 3}))
    assert runs_of(some.indices) == [(1, 2), (4, 2)]
    rest = {c.index: c.token_ids for c in bench.sampler.sample([some], PARAMS)}
    assert rest == {index: every[index] for index in (1, 2, 4, 5)}


def test_seeds_fit_a_server_and_neighbours_do_not_overlap() -> None:
    seeds = [request_seed(Request("a", (1,), 16, seed)) for seed in [*range(200), 2**63 - 1]]
    assert all(0 <= seed < SEEDS - 16 for seed in seeds)
    ordered = sorted(seeds)
    assert min(b - a for a, b in pairwise(ordered)) >= 16


def test_each_update_is_followed_by_a_sync(bench: Bench) -> None:
    list(bench.sampler.sample([Request("a", (1, 2), 2, seed=5)], PARAMS))
    list(bench.sampler.sample([Request("a", (1, 2), 2, seed=5)], PARAMS))
    assert len(bench.engine.samplers) == 1
    bench.learner.update(make_samples())
    list(bench.sampler.sample([Request("a", (1, 2), 2, seed=5)], PARAMS))
    assert len(bench.engine.samplers) == 2
    assert bench.sampler.take_swap_seconds() > 0


def test_a_server_that_samples_from_the_weights_before_the_update_ends_the_run(bench: Bench) -> None:
    list(bench.sampler.sample([Request("a", (1, 2), 2, seed=5)], PARAMS))
    bench.engine.stale = True
    bench.learner.update(make_samples())
    with pytest.raises(RunError, match="does not sample from the policy's weights"):
        list(bench.sampler.sample([Request("a", (1, 2), 2, seed=5)], PARAMS))


def test_a_lost_engine_ends_the_wait_with_its_reason(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.learner.sync()
    list(bench.sampler.sample([Request("a", (1, 2), 2, seed=5)], PARAMS))
    monkeypatch.setattr(bench.client, "sample", lambda *arguments: Future())
    samples = bench.sampler.sample([Request("a", (1, 2), 2, seed=5)], PARAMS)
    bench.client.lost.set_exception(RunError("the engine is lost", "resume"))
    with pytest.raises(RunError, match="the engine is lost"):
        next(samples)


def test_a_later_call_abandons_the_samples_of_an_earlier_one(bench: Bench) -> None:
    samples = bench.sampler.sample([Request("a", (1, 2), 2, seed=5)], PARAMS)
    bench.sampler.rest()
    with pytest.raises(RuntimeError, match="abandoned"):
        next(samples)
