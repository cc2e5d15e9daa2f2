"""Permanent merge of a trained LoRA adapter into a model's weights, without peft.

Solving needs only the trained weights. peft would take as long to import as everything else together, and its layers
would need a second copy of the weights to sample as fast.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from engine.errors import RunError
from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE
from engine.models.faults import first_line

_FACTOR = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<side>[AB])\.weight")
_REMEDY = "solve with another run, or with --preset"


def merge_lora(model: PreTrainedModel, adapter: Path) -> None:
    """Add alpha / rank * B A, computed in fp32, to each linear layer of `model` that the folder `adapter` adapts.

    The folder must have peft's format and hold plain LoRA, as runs of this engine train it. Raises RunError where it
    cannot be read, is another kind of adapter, or belongs to another model; `model` is then unchanged.
    """
    scale, factors = _fitting(model, adapter)
    with torch.no_grad():
        for layer, a, b in factors:
            delta = b.to(layer.weight.device, torch.float32) @ a.to(layer.weight.device, torch.float32) * scale
            layer.weight.copy_(layer.weight.float() + delta)


def check_lora(model: PreTrainedModel, adapter: Path) -> None:
    """Raise RunError where `merge_lora` would, without merging: for callers that load the folder with peft."""
    _fitting(model, adapter)


def _fitting(model: PreTrainedModel, adapter: Path) -> tuple[float, list[tuple[nn.Linear, Tensor, Tensor]]]:
    """Return the scale, and each adapted layer with its A [rank, in] and B [out, rank]."""
    scale, factors = _read(adapter)
    layers = dict(model.named_modules())
    found = []
    for name, (a, b) in factors.items():
        layer = layers.get(name)
        if not isinstance(layer, nn.Linear) or (layer.out_features, layer.in_features) != (b.shape[0], a.shape[1]):
            raise RunError(f"the adapter in {adapter} belongs to another model: {name} does not fit", _REMEDY)
        found.append((layer, a, b))
    return scale, found


def _read(adapter: Path) -> tuple[float, dict[str, tuple[Tensor, Tensor]]]:
    """Return the scale, and A [rank, in] and B [out, rank] by layer name."""
    try:
        config: dict[str, Any] = json.loads((adapter / ADAPTER_CONFIG_FILE).read_text(encoding="utf-8"))
        tensors = load_file(adapter / ADAPTER_FILE)
        scale = float(config["lora_alpha"]) / int(config["r"])
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError, SafetensorError) as error:
        raise RunError(f"the adapter in {adapter} cannot be read: {first_line(error)}", _REMEDY) from error
    sides: dict[str, dict[str, Tensor]] = {}
    plain = not any(config.get(key) for key in ("use_rslora", "alpha_pattern", "fan_in_fan_out"))
    for name, tensor in tensors.items():
        found = _FACTOR.fullmatch(name)
        plain = plain and found is not None and tensor.dim() == 2
        if found is not None:
            sides.setdefault(found["layer"], {})[found["side"]] = tensor
    if not plain or not all(
        pair.keys() == {"A", "B"} and pair["A"].shape[0] == pair["B"].shape[1] for pair in sides.values()
    ):
        raise RunError(f"the adapter in {adapter} is not a plain LoRA adapter", _REMEDY)
    return scale, {layer: (pair["A"], pair["B"]) for layer, pair in sides.items()}
