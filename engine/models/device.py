"""Rule for a model's device and for the CPU threads of sampling, the same in training, exporting and solving."""

from __future__ import annotations

import gc

import torch
from torch import nn

from engine.config.schema import Device
from engine.machine import cpu


def default_device() -> Device:
    """Choose the GPU where torch sees one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def release_memory() -> None:
    """Give back the memory of a model that nothing refers to any more, the GPU's as well, before another is loaded."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def sampling_threads(chosen: int, model: nn.Module | None = None) -> int:
    """Return the CPU threads of sampling from `model`: `chosen`, or by its size if that is 0.

    Without a model, as for a vLLM in a process of its own, its size counts as small.
    """
    parameters = 0 if model is None else sum(each.numel() for each in model.parameters())
    return cpu.sampling_threads(chosen, parameters, torch.get_num_threads())
