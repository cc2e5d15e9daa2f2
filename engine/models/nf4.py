"""NF4 weights of a base model (QLoRA): loading a checkpoint into them, and their values unpacked.

4 bits a weight in blocks of 64, the blocks' scales quantised in turn (double quantisation): about 0.52 bytes a
weight. Embeddings, norms and the output head keep the precision they are computed in; nothing is lifted to
fp32, which peft's preparation for k-bit training does to all of them (2.2 GB of a 7B model's embedding and head).
"""

from __future__ import annotations

import torch
from bitsandbytes.functional import QuantState, dequantize_4bit
from bitsandbytes.nn import Linear4bit
from transformers import BitsAndBytesConfig, PreTrainedModel

__all__ = ["Linear4bit", "dequantised", "keep_trainable", "nf4_config"]


def nf4_config(compute_dtype: torch.dtype) -> BitsAndBytesConfig:
    """Return the quantisation with which transformers loads any checkpoint into NF4."""
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
    """Return the weight [out, in] that an NF4 layer computes with."""
    state: QuantState = weight.quant_state  # type: ignore[attr-defined]
    return dequantize_4bit(weight.data, state)
