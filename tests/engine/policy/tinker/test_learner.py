"""Learner on a server: its update is the local one, whatever the server's reduction, and its states survive."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engine.errors import CureError, EnvironmentError_, RunError
from engine.machine.model_folders import ADAPTER_FILE
from engine.policy import Policy, TrainSample
from engine.policy.tinker.datum import Reduction
from engine.policy.tinker.learner import TinkerLearner
from engine.policy.tinker.saved import STATE_FILE, read_state
from tests.engine.policies import policy_with
from tests.engine.policy.tinker.agreement import assert_agree
from tests.engine.policy.tinker.fake_engine import FakeClient, FakeEngine
from tests.engine.sections import NANO, changed

SETTINGS: dict[str, object] = {
    "learning_rate": 1e-2,
    "schedule": "constant",
    "warmup_steps": 0,
    "kl_beta": 0.02,
    "max_grad_norm": 1e9,  # a server's clip is its own
    "lora_alpha": 8.0,
    "server_alpha": 8.0,
}

MakeModel = Callable[..., Any]


class Bench:
    """A local policy and a learner on a server, from the same fresh adapters."""

    def __init__(self, make_model: MakeModel, tokenizer: Any, reduction: Reduction = Reduction.SUM, **settings: object):
        self.settings = SETTINGS | settings
        self.local = policy_with(make_model(moved=False), tokenizer, kl_measure_share=1.0, **self.settings)
        self.engine = FakeEngine(make_model(moved=False))
        self.notices: list[str] = []
        self.learner = self.connect(reduction)

    def connect(self, reduction: Reduction = Reduction.SUM) -> TinkerLearner:
        self.client = FakeClient(self.engine, reduction)
        section = changed(NANO.policy, **self.settings)
        return TinkerLearner(self.client, section, steps=1, seed=0, on_notice=self.notices.append)  # type: ignore[arg-type]

    def samples(self, policy: Policy | None = None) -> list[TrainSample]:
        """Return samples whose sampler's log-probs are the policy's, disturbed by 0.3 nats."""
        from tests.engine.tiny_models import make_samples

        draw = random.Random(7)
        return [
            replace(each, sampler_logprobs=tuple(x + draw.gauss(0, 0.3) for x in each.sampler_logprobs))
            for each in make_samples(policy or self.local)
        ]

    def trained(self) -> torch.Tensor:
        """Return the weights of the server's policy, flat."""
        assert self.client.policy is not None
        weights = self.engine.adapters[self.client.policy.id][0]
        return torch.cat([weights[name].flatten() for name in sorted(weights)])


@pytest.fixture
def bench(make_model: MakeModel, tokenizer: Any) -> Callable[..., Bench]:
    return lambda reduction=Reduction.SUM, **settings: Bench(make_model, tokenizer, reduction, **settings)


def _flat(policy: Policy) -> torch.Tensor:
    named = {n: p for n, p in policy.model.named_parameters() if p.requires_grad}
    return torch.cat([named[name].detach().flatten() for name in sorted(named)])


@pytest.mark.parametrize("reduction", Reduction)
@pytest.mark.parametrize("settings", [{}, {"mini_batches": 2}, {"update": "sequential"}, {"kl_beta": 0.0}], ids=str)
def test_an_update_is_the_local_one_on_every_reduction(
    reduction: Reduction, settings: dict[str, object], bench: Callable[..., Bench]
) -> None:
    both = bench(reduction, **settings)
    samples = both.samples()
    masked = [*samples, replace(samples[0], mask_out=True), replace(samples[1], advantage=0.0)]
    before = _flat(both.local)
    local = both.local.update(masked)
    report = both.learner.update(masked)
    if settings.get("kl_beta") == 0.0:  # measured on other shares of the tokens
        local, report = (replace(each, kl_tokens=0, kl=None, roles=()) for each in (local, report))
    assert_agree(report, local)
    moved, expected = both.trained() - before, _flat(both.local) - before
    assert float(torch.cosine_similarity(moved, expected, 0)) > 0.999
    for _ in range(2):  # and goes on alike: KL, schedule and moments included
        assert both.learner.update(samples).grad_norm == pytest.approx(both.local.update(samples).grad_norm, rel=1e-3)


def test_the_gradient_would_be_wrong_by_factors_if_the_reduction_were_taken_for_the_other(
    bench: Callable[..., Bench],
) -> None:
    """Provoke it: coefficients scaled for a sum, on a server that takes means of sequences."""
    both = bench(Reduction.SEQUENCE_MEAN)
    samples = both.samples()
    expected = both.local.update(samples).grad_norm
    both.client.reduction = Reduction.SUM
    assert both.learner.update(samples).grad_norm < 0.1 * expected


@pytest.mark.parametrize(
    "broken",
    [{"advantage": math.nan}, {"advantage": math.inf}, {"sampler_logprobs": (math.nan,)}],
    ids=["nan advantage", "inf advantage", "nan of the sampler"],
)
def test_nothing_that_is_not_finite_reaches_the_server(broken: dict[str, object], bench: Callable[..., Bench]) -> None:
    both = bench()
    samples = both.samples()
    first = replace(samples[3], token_ids=samples[3].token_ids[:1], sampler_logprobs=samples[3].sampler_logprobs[:1])
    both.learner.sync()
    before = both.trained()
    report = both.learner.update([*samples, replace(first, **broken)])
    assert (report.nonfinite_steps, report.optimiser_steps, both.client.steps) == (1, 0, [])
    assert torch.equal(before, both.trained())
    assert not both.learner.update(samples).nonfinite


def test_weights_that_took_a_broken_step_end_the_run(bench: Callable[..., Bench]) -> None:
    both = bench()
    both.engine.loses_gradient_norm_to = math.inf
    with pytest.raises(RunError, match="the server's weights have taken the step"):
        both.learner.update(both.samples())


@pytest.mark.parametrize("beta", [0.02, 0.0])
def test_the_kl_comes_from_a_second_adapter_or_the_sampler_or_is_refused(
    beta: float, bench: Callable[..., Bench]
) -> None:
    reports = []
    for slots, has_base in ((2, False), (1, True), (1, False)):
        both = bench(kl_beta=beta)
        both.engine.slots, both.engine.has_base = slots, has_base
        samples = both.samples()
        if beta and (slots, has_base) == (1, False):
            with pytest.raises(EnvironmentError_, match=r"set policy\.kl_beta = 0\.0"):
                both.learner.update(samples)
            continue
        both.learner.update(samples)
        reports.append(both.learner.update(samples))
        assert len(both.notices) == (slots == 1)
    assert reports[0].kl == pytest.approx(reports[1].kl, rel=1e-4)
    assert reports[0].kl
    if not beta:
        assert reports[2].kl is None


def test_a_resumed_learner_goes_on_as_an_unbroken_one(bench: Callable[..., Bench], tmp_path: Path) -> None:
    both = bench()
    samples = both.samples()
    both.learner.update(samples)
    both.learner.save_state(tmp_path / "step-000001")
    expected = [both.learner.update(samples).grad_norm for _ in range(2)]
    digest, created = both.learner.weights_digest(), both.engine.created
    resumed = both.connect()
    resumed.load_state(tmp_path / "step-000001")
    assert both.engine.created == created + 1
    assert read_state(tmp_path / "step-000001").model_id not in both.engine.adapters  # unloaded: it had its slot
    assert resumed.updates_done == 1
    assert [resumed.update(samples).grad_norm for _ in range(2)] == expected
    assert resumed.weights_digest() == digest
    assert resumed.weights_version != 0


def test_a_state_that_the_server_has_lost_is_one_clear_error(bench: Callable[..., Bench], tmp_path: Path) -> None:
    both = bench()
    folder = tmp_path / "step-000012"
    both.learner.save_state(folder)
    both.engine.states.clear()
    with pytest.raises(RunError, match="does not continue from step 12") as caught:
        both.connect().load_state(folder)
    assert "database" in caught.value.remedy


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "nonsense", "{}", '{"format": 2}', '{"url": 3}',
        '{"url": "", "model_id": "", "path": "", "base": "", "rank": true, "alpha": 8.0, "reduction": "sum", '
        '"sdk": "", "updates_done": 1, "digest": ""}',
        '{"url": "", "model_id": "", "path": "", "base": "", "rank": 4, "alpha": 8.0, "reduction": "sum", '
        '"sdk": "", "updates_done": -1, "digest": ""}',
    ],
)  # fmt: skip
def test_a_corrupt_state_file_is_an_error_with_a_remedy(content: str, tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_text(content)
    with pytest.raises(RunError) as caught:
        read_state(tmp_path)
    assert caught.value.remedy


def test_a_state_of_another_model_is_refused(bench: Callable[..., Bench], tmp_path: Path) -> None:
    both = bench()
    both.learner.save_state(tmp_path)
    other = bench(server_alpha=16.0)
    with pytest.raises(RunError, match="with rank 4 and alpha 8"):
        other.learner.load_state(tmp_path)


def test_the_best_state_brings_its_adapter_and_a_server_without_adapters_is_told_once(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    both = bench()
    both.learner.update(both.samples())
    both.learner.save_state(tmp_path / "plain")
    assert not (tmp_path / "plain" / ADAPTER_FILE).exists()
    both.learner.save_state(tmp_path / "best", best=True)
    exported = load_file(tmp_path / "best" / ADAPTER_FILE)
    assert sum(each.numel() for each in exported.values()) == both.trained().numel()
    both.engine.exports = False
    for name in ("third", "fourth"):
        both.learner.save_state(tmp_path / name, best=True)
        assert read_state(tmp_path / name)
    assert len(both.notices) == 1


def test_a_dropped_checkpoint_is_deleted_on_the_server_even_where_that_fails(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    both = bench()
    both.learner.save_state(tmp_path)
    both.learner.forget_state(tmp_path)
    assert both.client.deleted == [read_state(tmp_path).path]
    both.client.closed = True
    both.learner.forget_state(tmp_path)
    both.learner.forget_state(tmp_path / "nothing")
    assert len(both.notices) == 2


def test_no_model_is_created_before_it_is_needed(bench: Callable[..., Bench], tmp_path: Path) -> None:
    """A server with room for one adapter could not load a state beside a fresh model."""
    both = bench(kl_beta=0.0)
    both.engine.slots = 1
    samples = both.samples()
    both.learner.update(samples)
    both.learner.save_state(tmp_path)
    resumed = both.connect()
    resumed.load_state(tmp_path)
    assert not resumed.update(samples).nonfinite


def test_an_adapter_of_peft_is_refused_and_another_client_is_needed_without_a_reduction(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    both = bench()
    with pytest.raises(CureError, match="cannot load the adapter"):
        both.learner.load_adapter(tmp_path)
    both.client.reduction = None  # type: ignore[assignment]
    with pytest.raises(ValueError, match="reduction"):
        TinkerLearner(both.client, NANO.policy, steps=1, seed=0)  # type: ignore[arg-type]
