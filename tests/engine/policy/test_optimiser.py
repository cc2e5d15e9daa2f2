"""Optimisers with smaller moments: they follow AdamW, resume, and name missing libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine.errors import EnvironmentError_, RunError
from engine.models import base_model
from engine.policy import Policy, TrainSample
from engine.policy.optimiser import Optimiser, build_optimiser

MakePolicy = Callable[..., Policy]
MakeSamples = Callable[..., list[TrainSample]]


def steps_of(kind: Optimiser) -> tuple[torch.Tensor, int]:
    """Return the weights after ten steps towards a target, and the bytes of the optimiser's moments."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.nn.Parameter(torch.randn(64, 256, generator=generator))
    target = torch.randn(64, 256, generator=generator)
    optimiser = build_optimiser(kind, [weights], learning_rate=0.01, betas=(0.9, 0.999), weight_decay=0.0)
    for _ in range(10):
        optimiser.zero_grad()
        (weights - target).square().sum().backward()
        optimiser.step()
    moments = [state for state in optimiser.state[weights].values() if isinstance(state, torch.Tensor)]
    return weights.detach() - target, sum(moment.nbytes for moment in moments)


def test_8_bit_moments_take_nearly_the_same_steps_in_a_quarter_of_the_memory() -> None:
    exact, full = steps_of("adamw")
    ours, small = steps_of("adamw-8bit")
    assert float((ours - exact).norm() / exact.norm()) < 0.01
    assert small < 0.3 * full


def test_an_update_with_8_bit_moments_resumes_with_the_same_numbers(
    make_policy: MakePolicy, make_samples: MakeSamples, tmp_path: Path
) -> None:
    first, second = make_policy(optimiser="adamw-8bit"), make_policy(optimiser="adamw-8bit")
    samples = make_samples(first)
    for _ in range(2):
        first.update(samples)
    first.save_state(tmp_path)
    second.load_state(tmp_path)
    reports = [policy.update(samples) for policy in (first, second)]
    assert reports[0].loss == reports[1].loss
    assert all(torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True))


def test_a_checkpoint_of_another_optimiser_is_refused_with_the_setting(
    make_policy: MakePolicy, make_samples: MakeSamples, tmp_path: Path
) -> None:
    make_policy(optimiser="adamw-8bit").save_state(tmp_path)
    with pytest.raises(RunError, match="holds the state of adamw-8bit, not adamw") as caught:
        make_policy().load_state(tmp_path)
    assert 'policy.optimiser = "adamw-8bit"' in caught.value.remedy


def test_what_an_optimiser_lacks_is_told(make_policy: MakePolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnvironmentError_, match="there is no GPU"):
        make_policy(optimiser="paged-adamw-8bit")
    monkeypatch.setattr(base_model, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentError_, match=r'policy.optimiser = "adamw-8bit" needs bitsandbytes'):
        make_policy(optimiser="adamw-8bit")
