"""Probe adapters: made up to test whether a sampler applies its adapter to every type of layer.

A fresh adapter changes nothing (B is zero), so a sampler that ignores its tensors would go unnoticed until training has
gone wrong for hours. A probe is the same adapter with a random B on one type of layer and 0 on all others: if the
log-probs do not change, the sampler ignores that type.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE

_SCALE = 0.02
"""Standard deviation of the random B. With a fresh A it changes a layer's output by a few per cent: visible in any
number format."""


def module_types(adapter: Path) -> list[str]:
    """List the types of layer that the adapter in folder `adapter` adapts, such as q_proj and down_proj, sorted."""
    from safetensors import safe_open

    with safe_open(adapter / ADAPTER_FILE, framework="pt") as tensors:
        return sorted({_type_of(name) for name in tensors.keys() if ".lora_B." in name})  # noqa: SIM118


def write_probe(adapter: Path, target: Path, module_type: str) -> None:
    """Write `adapter` to the new folder `target` with a random B in layers of `module_type` and 0 in all others."""
    import torch
    from safetensors.torch import load_file, save_file

    generator = torch.Generator().manual_seed(0)
    weights = load_file(adapter / ADAPTER_FILE)
    for name, weight in weights.items():
        if ".lora_B." in name:
            weight.zero_()
            if _type_of(name) == module_type:
                weight.normal_(std=_SCALE, generator=generator)
    target.mkdir(parents=True)
    save_file(weights, target / ADAPTER_FILE)
    shutil.copy(adapter / ADAPTER_CONFIG_FILE, target / ADAPTER_CONFIG_FILE)


def changes_nothing(adapter: Path) -> bool:
    """Tell whether B is zero everywhere, as in an untrained adapter."""
    from safetensors import safe_open

    with safe_open(adapter / ADAPTER_FILE, framework="pt") as tensors:
        names = [name for name in tensors.keys() if ".lora_B." in name]  # noqa: SIM118
        return not any(bool(tensors.get_tensor(name).any()) for name in names)


def _type_of(name: str) -> str:
    """Return `q_proj` for `base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight`."""
    return name.split(".lora_")[0].rsplit(".", 1)[-1]
