"""Update of the policy: the trained parameters, the report, and progress."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from engine.policy import Policy, TrainSample, UpdateReport

MakePolicy = Callable[..., Policy]
MakeSamples = Callable[..., list[TrainSample]]


def _weights(policy: Policy) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in policy.model.named_parameters() if p.requires_grad}


def _same(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(before[name], after[name]) for name in before)


def test_kl_is_zero_before_the_first_update_and_moves_afterwards(
    make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy = make_policy()
    samples = make_samples(policy)
    kl = [policy.update(samples).kl for _ in range(4)]
    assert kl[0] == pytest.approx(0.0, abs=1e-9)
    assert kl[3] > kl[1] > 1e-6


def test_the_reported_kl_is_the_mean_k3_against_adapters_off(
    make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy = make_policy(moved=True)
    samples = make_samples(policy)
    own = torch.tensor([x for row in policy.logprobs(samples) for x in row], dtype=torch.float64)
    reference = torch.tensor([x for row in policy.reference_logprobs(samples) for x in row], dtype=torch.float64)
    expected = (torch.exp(reference - own) - (reference - own) - 1).mean()
    report = policy.update(samples)
    assert report.kl == pytest.approx(float(expected), rel=1e-4)
    assert report.kl_tokens == report.tokens
    assert report.loss == pytest.approx(report.pg_loss + 0.01 * report.kl)


def test_updates_raise_what_was_rewarded_and_lower_what_was_not(
    make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy = make_policy()
    samples = [replace(sample, advantage=(-1.0) ** i) for i, sample in enumerate(make_samples(policy))]
    for _ in range(5):
        policy.update(samples)
    gains = [
        sample.advantage * (sum(now) - sum(sample.sampler_logprobs))
        for sample, now in zip(samples, policy.logprobs(samples), strict=True)
    ]
    assert sum(gain > 0 for gain in gains) >= len(gains) - 1


def test_a_strong_kl_penalty_holds_the_policy_near_the_base(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    kl = []
    for beta in (0.0, 5.0):
        policy = make_policy(kl_beta=beta, kl_measure_share=1.0)
        samples = make_samples(policy)
        kl.append([policy.update(samples).kl for _ in range(12)][-1])
    assert kl[1] < 0.5 * kl[0]


def test_ratios_are_one_where_sampler_and_trainer_agree(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    policy = make_policy(moved=True)
    report = policy.update(make_samples(policy))
    for ratio in (report.ratio_mean, report.ratio_min, report.ratio_max, report.effective_sample_size):
        assert ratio == pytest.approx(1.0, abs=1e-4)
    assert report.truncated_share == 0.0
    assert report.clip_share == 0.0


def test_a_sampler_that_disagrees_shows_in_the_ratios(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    policy = make_policy()
    samples = make_samples(policy)
    off = replace(samples[0], sampler_logprobs=tuple(x - 2.0 for x in samples[0].sampler_logprobs))
    report = policy.update([off, *samples[1:]])
    assert report.ratio_max == pytest.approx(math.exp(2.0), rel=1e-4)
    assert report.ratio_mean > 1.0
    assert report.effective_sample_size < 0.9
    assert report.truncated_share == pytest.approx(len(off.token_ids) / report.tokens)


def test_masked_and_zero_advantage_samples_are_left_out_and_counted(
    make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy, twin = make_policy(), make_policy()
    samples = make_samples(policy)
    extras = [
        replace(samples[0], mask_out=True),
        replace(samples[1], advantage=0.0),
        replace(samples[2], mask_out=True),
    ]
    report, expected = policy.update([*samples, *extras]), twin.update(samples)
    assert (report.skipped_masked, report.skipped_zero_advantage) == (2, 1)
    assert (report.samples, report.tokens) == (len(samples), sum(len(s.token_ids) for s in samples))
    assert report.loss == expected.loss
    assert _same(_weights(policy), _weights(twin))


@pytest.mark.parametrize("samples_of", [lambda samples: [], lambda samples: [replace(samples[0], advantage=0.0)]])
def test_an_update_with_nothing_to_train_changes_nothing(
    samples_of: Callable[[list[TrainSample]], list[TrainSample]],
    make_policy: MakePolicy,
    make_samples: MakeSamples,
) -> None:
    policy = make_policy()
    before = _weights(policy)
    report = policy.update(samples_of(make_samples()))
    assert _same(before, _weights(policy))
    assert (report.tokens, report.optimiser_steps, report.nonfinite, report.kl) == (0, 0, False, None)
    assert policy.updates_done == 1


@pytest.mark.parametrize(
    "broken", [{"advantage": math.nan}, {"advantage": math.inf}, {"sampler_logprobs": (math.nan,)}]
)
def test_a_nan_or_inf_skips_the_step_and_is_reported(
    broken: dict[str, object], make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy = make_policy()
    samples = make_samples(policy)
    before = _weights(policy)
    bad = replace(samples[3], token_ids=samples[3].token_ids[:1], sampler_logprobs=samples[3].sampler_logprobs[:1])
    report = policy.update([*samples, replace(bad, **broken)])
    assert report.nonfinite
    assert report.optimiser_steps == 0
    assert all(math.isfinite(value) for value in (report.loss, report.grad_norm, report.ratio_mean))
    assert _same(before, _weights(policy))
    assert not policy.update(samples).nonfinite  # and goes on


def test_a_gradient_that_is_not_finite_skips_the_step(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    policy = make_policy()
    samples = make_samples(policy)
    parameter = next(p for p in policy.model.parameters() if p.requires_grad)
    hook = parameter.register_hook(lambda gradient: gradient * math.nan)
    before = _weights(policy)
    assert policy.update(samples).nonfinite
    hook.remove()
    assert _same(before, _weights(policy))


def test_micro_batches_only_split_the_work(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    whole, split = make_policy(micro_batch_tokens=10_000), make_policy(micro_batch_tokens=20)
    samples = make_samples(whole)
    reports = [policy.update(samples) for policy in (whole, split)]
    assert reports[0].loss == pytest.approx(reports[1].loss, abs=1e-6)
    assert reports[0].grad_norm == pytest.approx(reports[1].grad_norm, rel=1e-4)
    assert reports[0].entropy("coder") == pytest.approx(reports[1].entropy("coder"), rel=1e-5)


def test_a_sequential_update_trains_the_coder_then_the_tester(
    make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy, twin = make_policy(update="sequential"), make_policy()
    samples = make_samples(policy)
    report = policy.update(samples)
    assert report.optimiser_steps == 2
    assert report.ratio_max > 1.0 + 1e-4  # the coder's step moved the tester's log-probs: the correction sees it
    for role in ("coder", "tester"):
        twin.update([sample for sample in samples if sample.role == role])
    assert _same(_weights(policy), _weights(twin))


def test_later_mini_batches_run_against_the_log_probs_from_before_the_update(
    make_policy: MakePolicy, make_samples: MakeSamples
) -> None:
    policy = make_policy(mini_batches=2, learning_rate=5e-2)
    samples = make_samples(policy)
    report = policy.update(samples)
    assert report.optimiser_steps == 2
    assert report.samples == len(samples)
    assert report.ratio_max == pytest.approx(1.0, abs=1e-4)  # old policy against sampler: both from before
    assert report.clip_share > 0.0  # new against old: the first step moved the second's tokens


def test_without_a_penalty_the_kl_is_measured_on_a_share(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    def measured(share: float) -> UpdateReport:
        policy = make_policy(moved=True, kl_beta=0.0, kl_measure_share=share, micro_batch_tokens=30)
        return policy.update(make_samples(policy))

    none, some, full = measured(0.0), measured(0.3), measured(1.0)
    assert (none.kl, none.kl_tokens) == (None, 0)
    assert 0 < some.kl_tokens < some.tokens
    assert some.kl > 0
    assert full.kl_tokens == full.tokens
    assert none.loss == some.loss == full.loss


def test_roles_are_reported_apart(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    policy = make_policy()
    samples = make_samples(policy)
    report = policy.update(samples)
    assert [part.role for part in report.roles] == ["coder", "tester"]
    for part in report.roles:
        own = [sample for sample in samples if sample.role == part.role]
        assert (part.samples, part.tokens) == (len(own), sum(len(sample.token_ids) for sample in own))
        assert 0 < part.entropy < math.log(96)
    assert report.entropy("judge") is None


def test_the_rate_follows_the_schedule(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    policy = make_policy(learning_rate=0.1, schedule="linear", warmup_steps=1, steps=3, final_lr_share=0.0)
    samples = make_samples(policy)
    assert [policy.update(samples).learning_rate for _ in range(4)] == pytest.approx([0.05, 0.1, 0.05, 0.0])


def test_the_model_is_left_as_the_sampler_needs_it(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    policy = make_policy()
    policy.update(make_samples(policy))
    assert not policy.model.training
    assert all(p.grad is None for p in policy.model.parameters())
    assert {p.requires_grad for name, p in policy.model.named_parameters() if "lora_" in name} == {True}
    assert {p.requires_grad for name, p in policy.model.named_parameters() if "lora_" not in name} == {False}


def test_samples_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        TrainSample((1,), (), (), 1.0, "coder")
    with pytest.raises(ValueError, match="2 answer tokens, but 1"):
        TrainSample((1,), (2, 3), (-1.0,), 1.0, "coder")
