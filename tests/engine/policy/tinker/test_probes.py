"""Probes before a run: each difference that a server does not report is provoked, and named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from engine.errors import CureError, EnvironmentError_
from engine.policy.tinker.datum import Reduction
from engine.policy.tinker.probes import Finding, check_server
from engine.sampling.adapters import agreement_bound
from tests.engine.policy.tinker.fake_engine import LIES, FakeClient, FakeEngine

AGREEMENT = agreement_bound("fp32", "fp32")
NAMED = {
    "token mean": "neither as a sum nor as a mean over sequences",
    "prompt counts": "neither as a sum nor as a mean over sequences",
    "half a batch": "neither as a sum nor as a mean over sequences",
    "normalises": "twice the coefficients",
    "no norm": "does not report the norm",
    "moves at rate 0": "twice the coefficients",
    "nan": "not finite",
    "another temperature": "log-probs of its sampler",
    "no stop": "samples on after a stop token",
    "hides stop": "leaves the stop token out",
    "rounds states": "no run could be resumed",
}


@pytest.fixture
def engine(make_model: Callable[..., Any]) -> FakeEngine:
    return FakeEngine(make_model(moved=False))


@pytest.mark.parametrize("reduction", Reduction)
@pytest.mark.parametrize("taken_for", [None, *Reduction])
def test_a_server_that_passes_has_its_reduction_found_whatever_it_was_taken_for(
    reduction: Reduction, taken_for: Reduction | None, engine: FakeEngine
) -> None:
    client, findings = FakeClient(engine, reduction), list[Finding]()
    client.reduction = taken_for
    found = check_server(client, AGREEMENT, deep=True, on_finding=findings.append)  # type: ignore[arg-type]
    assert (found.reduction, client.reduction) == (reduction, reduction)
    assert found.gap < 1e-4
    assert found.floor is not None
    assert found.floor < 1e-4
    assert [each.name for each in findings] == ["reduction", "scale", "base", "sampler", "stop", "state"]
    assert not engine.adapters  # the throw-away model is unloaded, and the next one is the policy
    assert client.policy is None
    assert not engine.states


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_would_train_wrongly_without_an_error_is_refused(lie: str, engine: FakeEngine) -> None:
    engine.lies = frozenset({lie})
    client = FakeClient(engine, Reduction.SEQUENCE_MEAN)
    with pytest.raises(EnvironmentError_, match=NAMED[lie]) as caught:
        check_server(client, AGREEMENT, deep=True)  # type: ignore[arg-type]
    assert caught.value.remedy
    assert client.reduction is None
    assert not engine.adapters


def test_a_slot_with_another_adapter_is_no_fresh_one(engine: FakeEngine, make_model: Callable[..., Any]) -> None:
    other = FakeEngine(make_model(moved=True))
    base = {name: torch.zeros_like(each) if "lora_B" in name else each for name, each in other.fresh.items()}
    client = FakeClient(other)
    scored = client.prompt_logprobs

    def of_base(token_ids: Any, handle: Any = None) -> Any:
        moved, other.fresh = other.fresh, base
        try:
            return scored(token_ids, handle)
        finally:
            other.fresh = moved

    client.prompt_logprobs = of_base  # type: ignore[method-assign]
    with pytest.raises(EnvironmentError_, match="a fresh adapter is"):
        check_server(client, AGREEMENT)  # type: ignore[arg-type]


def test_a_server_without_base_log_probs_or_without_a_slot_is_told_apart(engine: FakeEngine) -> None:
    engine.has_base = False
    client = FakeClient(engine)
    assert check_server(client, AGREEMENT).floor is None  # type: ignore[arg-type]
    engine.slots = 0
    with pytest.raises(CureError, match="no adapter slot left"):
        check_server(client, AGREEMENT)  # type: ignore[arg-type]
