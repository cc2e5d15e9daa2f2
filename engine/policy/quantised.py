"""NF4 base weights: loading a model into them (QLoRA), and the LoRA layer over them. The one file that needs
bitsandbytes.

4 bits a weight in blocks of 64, the blocks' scales quantised in turn (double quantisation): about 0.52 bytes a
weight. Embeddings, norms and the output head keep the precision they are computed in; nothing is lifted to
fp32, which peft's preparation for k-bit training does to all of them (2.2 GB of a 7B model's embedding and head).
"""

from __future__ import annotations

from typing import Any, cast

import bitsandbytes as bnb
import torch
from bitsandbytes.functional import QuantState, dequantize_4bit
from bitsandbytes.nn import Linear4bit
from peft.tuners.lora.bnb import Linear4bit as PeftLoraLinear4bit
from transformers import BitsAndBytesConfig, PreTrainedModel

from engine.policy.lora_linear import fused_lora, is_plain

__all__ = ["FusedLoraNf4", "Linear4bit", "Nf4Weight", "dequantised", "keep_trainable", "nf4_config"]


def nf4_config(compute_dtype: torch.dtype) -> BitsAndBytesConfig:
    """What transformers needs to know to load any checkpoint into NF4."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
    )


def keep_trainable(model: PreTrainedModel) -> None:
    """Keep bitsandbytes from repacking weights for inference on CPUs with AVX512-BF16.

    It would do so at the first pass without gradient, and the packed product has no backward pass: gradients
    would end there without a word.
    """
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def dequantised(weight: torch.Tensor) -> torch.Tensor:
    """The weight [out, in] that an NF4 layer computes with."""
    state: QuantState = weight.quant_state  # type: ignore[attr-defined]
    return dequantize_4bit(weight.data, state)


class Nf4Weight:
    """A weight that is unpacked for each product, forward and backward, and never kept so."""

    def __init__(self, weight: torch.Tensor) -> None:
        self._weight = weight

    def linear(self, x_si: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        output: torch.Tensor = bnb.matmul_4bit(
            x_si,
            self._weight,
            quant_state=self._weight.quant_state,  # type: ignore[attr-defined]
            bias=None if bias is None else bias.to(x_si.dtype),
        )
        return output

    def backward(self, grad_so: torch.Tensor) -> torch.Tensor:
        return grad_so @ dequantised(self._weight).to(grad_so.dtype)


class FusedLoraNf4(PeftLoraLinear4bit):
    """peft's LoRA layer over an NF4 one, with the fused path of `FusedLoraLinear`."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """x [..., in] -> [..., out]."""
        computes_in = self.base_layer.compute_dtype
        if args or kwargs or (computes_in is not None and x.dtype != computes_in) or not is_plain(self, x):
            return super().forward(x, *args, **kwargs)
        return fused_lora(self, x, Nf4Weight(cast(torch.Tensor, self.base_layer.weight)))
