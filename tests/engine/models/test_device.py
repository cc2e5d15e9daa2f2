"""Devices and threads: sampling leaves cores to the sandbox; a model goes to the GPU if there is one."""

from __future__ import annotations

import pytest
import torch

from engine.models.device import default_device, sampling_threads


@pytest.mark.parametrize(("threads", "sampling"), [(1, 1), (2, 1), (9, 4)])
def test_sampling_takes_half_of_the_threads_and_at_least_one(
    monkeypatch: pytest.MonkeyPatch, threads: int, sampling: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert sampling_threads() == sampling


def test_a_model_is_placed_where_torch_sees_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    placed = []
    for available in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        placed.append(default_device())
    assert placed == ["cuda", "cpu"]
