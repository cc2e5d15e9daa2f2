"""Recomputation of layers in the backward pass: the same gradients from less memory, deterministically."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import pytest
import torch
from peft import PeftModel
from transformers import PreTrainedModel

from engine.errors import EnvironmentError_
from engine.policy import Policy, TrainSample
from engine.policy.adapter import base_of
from engine.policy.packed.recompute import Recompute
from tests.engine.peak_memory import PeakMemory

MakePolicy = Callable[..., Policy]
MakeModel = Callable[..., PeftModel]
MakeSamples = Callable[..., list[TrainSample]]


def test_an_update_has_the_same_numbers(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    kept, again = make_policy(moved=True), make_policy(moved=True, checkpoint_activations=True)
    samples = make_samples(kept)
    for _ in range(2):
        reports = [policy.update(samples) for policy in (kept, again)]
        assert (reports[0].loss, reports[0].grad_norm) == (reports[1].loss, reports[1].grad_norm)
    assert all(torch.equal(a, b) for a, b in zip(kept.model.parameters(), again.model.parameters(), strict=True))
    assert not any(module.training for module in again.model.modules())


def test_it_takes_less_memory(make_policy: MakePolicy, make_samples: MakeSamples) -> None:
    peaks = []
    for checkpointing in (False, True):
        policy = make_policy(micro_batch_tokens=2048, checkpoint_activations=checkpointing)
        samples = make_samples(policy, groups=2, members=60)
        with PeakMemory(policy.model.parameters()) as memory:
            policy.update(samples)
        peaks.append(memory.peak)
    assert peaks[1] < 0.7 * peaks[0]


def test_nothing_inside_a_layer_is_in_training_mode(make_model: MakeModel) -> None:
    base = base_of(make_model())
    recompute = Recompute(base)
    with recompute.trained_pass():
        training = {type(module).__name__ for module in base.modules() if module.training}
    assert training == {"Qwen3DecoderLayer"}  # no dropout, no adapter
    assert not any(module.training for module in base.modules())


def test_an_architecture_that_cannot_is_refused_with_the_setting(make_model: MakeModel) -> None:
    base = base_of(make_model())
    with (
        patch.object(PreTrainedModel, "supports_gradient_checkpointing", False),
        patch.object(type(base), "supports_gradient_checkpointing", False),
        pytest.raises(EnvironmentError_, match="cannot recompute the layers of qwen3") as caught,
    ):
        Recompute(base)
    assert caught.value.remedy == "set policy.checkpoint_activations = false"
