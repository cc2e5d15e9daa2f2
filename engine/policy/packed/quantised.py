"""LoRA layer over NF4 base weights, one autograd node for both (see lora_linear)."""

from __future__ import annotations

from typing import Any, cast

import torch
from peft.tuners.lora.bnb import Linear4bit as PeftLoraLinear4bit

from engine.models.nf4 import dequantised, nf4_product
from engine.policy.packed.lora_linear import fused_lora, is_plain


class Nf4Weight:
    """Frozen NF4 weight, dequantised for each product, forward and backward; the result is never kept."""

    def __init__(self, weight: torch.Tensor) -> None:
        self._weight = weight

    def linear(self, x_si: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return nf4_product(x_si, self._weight, bias)

    def backward(self, grad_so: torch.Tensor) -> torch.Tensor:
        return grad_so @ dequantised(self._weight).to(grad_so.dtype)


class FusedLoraNf4(PeftLoraLinear4bit):
    """LoRA layer of peft over an NF4 layer, with the fused path of `FusedLoraLinear`."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Compute the layer: x [..., in] -> [..., out]."""
        computes_in = self.base_layer.compute_dtype
        if args or kwargs or (computes_in is not None and x.dtype != computes_in) or not is_plain(self, x):
            return super().forward(x, *args, **kwargs)
        return fused_lora(self, x, Nf4Weight(cast(torch.Tensor, self.base_layer.weight)))
