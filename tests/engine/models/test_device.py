"""Devices and threads: a tiny model leaves cores to the sandbox; a model goes to the GPU if there is one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from engine.models.device import default_device, sampling_threads

TINY, SMALL = nn.Linear(100, 100), nn.Linear(6000, 6000, device="meta")


@pytest.mark.parametrize(
    ("chosen", "model", "available", "taken"),
    [
        (0, TINY, 1, 1), (0, TINY, 2, 1), (0, TINY, 9, 4), (0, None, 4, 2),
        (0, SMALL, 1, 1), (0, SMALL, 2, 2), (0, SMALL, 9, 9),
        (3, TINY, 4, 3), (3, SMALL, 2, 2), (1, SMALL, 8, 1),
    ],
)  # fmt: skip
def test_sampling_takes_half_of_the_threads_for_a_tiny_model_all_for_a_larger_one_or_as_many_as_are_set(
    monkeypatch: pytest.MonkeyPatch, chosen: int, model: nn.Module | None, available: int, taken: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: available)
    assert sampling_threads(chosen, model) == taken


def test_a_model_is_placed_where_torch_sees_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    placed = []
    for available in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        placed.append(default_device())
    assert placed == ["cuda", "cpu"]
