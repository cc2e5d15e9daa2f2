"""NF4 weights of a base model (QLoRA): loading a checkpoint into them, and their values unpacked.

4 bits per weight in blocks of 64, the blocks' scales quantised in turn (double quantisation): about 0.52 bytes per
weight. Embeddings, norms and the output head keep the precision they are computed in; nothing is lifted to
fp32, which peft's preparation for k-bit training does to all of them (2.2 GB of a 7B model's embedding and head).
"""

from __future__ import annotations

import copy

import torch
from bitsandbytes import matmul_4bit
from bitsandbytes.functional import QuantState, dequantize_4bit
from bitsandbytes.nn import Linear4bit
from torch import nn
from torch.nn.functional import linear
from transformers import BitsAndBytesConfig

__all__ = ["Linear4bit", "dequantised", "nf4_config", "nf4_product", "use_exact_products"]


def nf4_config(compute_dtype: torch.dtype) -> BitsAndBytesConfig:
    """Return the quantisation with which transformers loads any checkpoint into NF4."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
    )


class CpuNf4Linear(Linear4bit):
    """NF4 layer on the CPU, with `nf4_product` in place of bitsandbytes' own product.

    On CPUs with AVX512-BF16 bitsandbytes repacks the weights at the first pass without gradient, and the packed
    product has no backward pass: gradients would end there without a word.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [..., in] -> [..., out]."""
        return nf4_product(x, self.weight, self.bias)


def use_exact_products(model: nn.Module) -> None:
    """Turn the NF4 layers of `model` that lie in the CPU's memory into `CpuNf4Linear`, in place."""
    for module in model.modules():
        if isinstance(module, Linear4bit) and module.weight.device.type == "cpu":
            module.__class__ = CpuNf4Linear


def nf4_product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return x [..., in] times an NF4 `weight` [out, in], plus `bias`: [..., out], in the type of x."""
    bias = None if bias is None else bias.to(x.dtype)
    if weight.device.type == "cpu":  # bitsandbytes too unpacks the weight there, but see `dequantised`
        return linear(x, dequantised(weight).to(x.dtype), bias)
    output: torch.Tensor = matmul_4bit(x, weight, quant_state=weight.quant_state, bias=bias)  # type: ignore[attr-defined]
    return output


def dequantised(weight: torch.Tensor) -> torch.Tensor:
    """Return the weight [out, in] that an NF4 layer computes with.

    A block is 64 consecutive weights and may span rows. The kernel of bitsandbytes 0.50.2 for CPUs with
    AVX512 starts a new block with each row, and so takes wrong scales where `in` is not a multiple of 64. Rows of one
    block are right on any CPU.
    """
    state: QuantState = weight.quant_state  # type: ignore[attr-defined]
    if weight.device.type != "cpu":
        return dequantize_4bit(weight.data, state)
    size, count = state.blocksize, state.shape.numel()
    rows = copy.copy(state)
    rows.shape = torch.Size((count // size, size) if count % size == 0 else (1, count))
    return dequantize_4bit(weight.data, rows).view(state.shape)
