"""Temporary merge of LoRA adapters into the base weights.

Merging saves two small matrix products per layer and step, which makes sampling as fast as with the base model. The
base weights are restored by pointer, not by subtraction, so they come back bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class _MergedWeight:
    layer: LoraLinear
    weight: nn.Parameter
    base: Tensor
    merged: Tensor
    adapters: tuple[str, ...]


class MergedAdapters:
    """Context in which the LoRA adapters of a model are merged into its weights; it may be entered repeatedly.

    The merged weights are computed once, by the constructor, and take as much memory as the adapted layers.
    Layers that cannot be merged exactly keep their adapters active instead: quantised ones, DoRA and other
    variants, and a weight tied to another module (an adapted output head must not change the embedding).
    """

    def __init__(self, model: nn.Module) -> None:
        uses: dict[int, int] = {}
        for _, parameter in model.named_parameters(remove_duplicate=False):
            uses[id(parameter)] = uses.get(id(parameter), 0) + 1
        self._weights: list[_MergedWeight] = []
        for layer in model.modules():
            if isinstance(layer, LoraLinear):
                merged = _merge(layer)
                if merged is not None and uses[id(merged.weight)] == 1:
                    self._weights.append(merged)

    def __enter__(self) -> None:
        for entry in self._weights:
            entry.weight.data = entry.merged
            entry.layer.merged_adapters.extend(entry.adapters)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for entry in self._weights:
            entry.weight.data = entry.base
            entry.layer.merged_adapters.clear()


def _merge(layer: LoraLinear) -> _MergedWeight | None:
    base_layer = layer.get_base_layer()
    weight = getattr(base_layer, "weight", None)
    # A quantised weight is a subclass of Parameter. Merging would quantise it again: other weights than are trained.
    if not isinstance(base_layer, nn.Linear) or type(weight) is not nn.Parameter or not weight.is_floating_point():
        return None
    adapters = tuple(name for name in layer.active_adapters if name in layer.lora_A)
    exact = not any(name in layer.lora_variant or layer.lora_bias.get(name, False) for name in adapters)
    if not adapters or not exact or layer.disable_adapters or layer.merged:
        return None
    with torch.no_grad():
        delta = sum(layer.get_delta_weight(name).float() for name in adapters)
        merged = (weight.detach().float() + delta).to(weight.dtype)
    return _MergedWeight(layer, weight, weight.data, merged, adapters)
