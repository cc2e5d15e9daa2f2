"""Permanent merge of a trained LoRA adapter into a model's weights, without peft.

Solving needs only the trained weights. peft would take as long to import as everything else together, and its layers
would need a second copy of the weights to sample as fast.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from engine.errors import RunError
from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE
from engine.machine.regular_files import plain_path
from engine.models.faults import LoadingFault, loading_faults

_MOST_BYTES = 1 << 20
_FACTOR = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<side>[AB])\.weight")
_REMEDY = "solve with another run, or with --preset"


@dataclass(frozen=True, slots=True)
class PlainLora:
    """Adapter of one rank without extras. factors: A [rank, in] and B [out, rank] by the names of linear layers."""

    rank: int
    alpha: float
    factors: dict[str, tuple[Tensor, Tensor]]


def merge_lora(model: PreTrainedModel, adapter: Path) -> None:
    """Add alpha / rank * B A, computed in fp32, to each linear layer of `model` that the folder `adapter` adapts.

    The folder must have peft's format and hold plain LoRA, as runs of this engine train it. Raises RunError where it
    cannot be read, is another kind of adapter, or belongs to another model; `model` is then unchanged.
    """
    lora = check_lora(model, adapter)
    layers, scale = dict(model.named_modules()), lora.alpha / lora.rank
    with torch.no_grad():
        for name, (a, b) in lora.factors.items():
            layer: Any = layers[name]
            delta = b.to(layer.weight.device, torch.float32) @ a.to(layer.weight.device, torch.float32) * scale
            layer.weight.copy_(layer.weight.float() + delta)


def check_lora(model: PreTrainedModel, adapter: Path) -> PlainLora:
    """Raise RunError where `merge_lora` would, without merging: for callers that load the folder with peft."""
    # An adapter is smaller than what it adapts: two factors for each layer, of a rank below the layer's.
    lora = _read(adapter, sum(each.numel() for each in model.parameters()) * 16 + _MOST_BYTES)
    layers = dict(model.named_modules())
    for name, (a, b) in lora.factors.items():
        layer = layers.get(name)
        if not isinstance(layer, nn.Linear) or (layer.out_features, layer.in_features) != (b.shape[0], a.shape[1]):
            raise RunError(f"the adapter in {adapter} belongs to another model: {name} does not fit", _REMEDY)
    return lora


def _read(adapter: Path, most_bytes: int) -> PlainLora:
    try:
        with loading_faults():
            with plain_path(adapter, ADAPTER_CONFIG_FILE, _MOST_BYTES) as file:
                config: dict[str, Any] = json.loads(Path(file).read_bytes())
            with plain_path(adapter, ADAPTER_FILE, most_bytes) as file:
                tensors = load_file(file)
            rank, alpha = int(config["r"]), float(config["lora_alpha"])
            if rank < 1 or not math.isfinite(alpha):
                raise ValueError(f"rank {rank}, alpha {alpha}")
    except LoadingFault as error:
        raise RunError(f"the adapter in {adapter} cannot be read: {error}", _REMEDY) from error
    sides: dict[str, dict[str, Tensor]] = {}
    extras = ("use_rslora", "use_dora", "alpha_pattern", "rank_pattern", "fan_in_fan_out")
    plain = not any(config.get(key) for key in extras)
    for name, tensor in tensors.items():
        found = _FACTOR.fullmatch(name)
        plain = plain and found is not None and tensor.dim() == 2 and tensor.is_floating_point()
        plain = plain and bool(torch.isfinite(tensor.float()).all())  # a model of NaN samples nothing
        if found is not None:
            sides.setdefault(found["layer"], {})[found["side"]] = tensor
    if not plain or not all(
        pair.keys() == {"A", "B"} and pair["A"].shape[0] == pair["B"].shape[1] == rank for pair in sides.values()
    ):
        raise RunError(f"the adapter in {adapter} is not a plain LoRA adapter", _REMEDY)
    return PlainLora(rank, alpha, {layer: (pair["A"], pair["B"]) for layer, pair in sides.items()})
