"""Rule for a model's device and for the CPU threads of sampling, the same in training, exporting and solving."""

from __future__ import annotations

import torch

from engine.config.schema import Device


def default_device() -> Device:
    """Choose the GPU where torch sees one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def sampling_threads() -> int:
    """Return half of torch's CPU threads: the sandbox has the other cores while a model samples."""
    return max(1, torch.get_num_threads() // 2)
