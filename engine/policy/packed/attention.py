"""Attention in packed rows: each of many answers in one flat row attends to its own prompt and itself only.

A flat row has no padding, so embeddings, projections and MLPs compute real tokens only, and each prompt once. For
attention alone the row is cut into segments (a prompt, or an answer that continues a prompt). One block-diagonal mask
over the flat row would give the right numbers at a cost quadratic in its length. Two kernels avoid it: tiles of
similar segments (tiled_attention.py), and a GPU's flash kernels (varlen_attention.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from engine.policy.packed.segments import Segment
from engine.policy.packed.tiled_attention import pack_tiles
from engine.policy.packed.varlen_attention import pack_varlen, varlen_serves

PACKED_ATTENTION = "cure_packed"
"""Name of this attention in transformers' registry; without a `packing` argument it is plain SDPA."""


class Kernel(StrEnum):
    """Kernels that compute the attention of a packed row."""

    TILES = "tiles"
    VARLEN = "varlen"


class Packing(Protocol):
    """Flat row cut into segments, prepared for one kernel."""

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None, window: int | None
    ) -> torch.Tensor:
        """Attend: query [1, heads, s, d], key and value [1, kv heads, s, d] -> [1, s, heads, d].

        window: positions of its own sequence that a query sees at most, itself included; None: all before it.
        """


def kernels_for(device: torch.device, dtype: torch.dtype) -> tuple[Kernel, ...]:
    """Return the kernels that support tensors of `dtype` on `device`, the fastest first."""
    return (Kernel.VARLEN, Kernel.TILES) if varlen_serves(device, dtype) else (Kernel.TILES,)


def pack_segments(
    segments: Sequence[Segment],
    n_positions: int,
    dtype: torch.dtype,
    device: torch.device,
    kernel: Kernel = Kernel.TILES,
) -> Packing:
    """Prepare `segments`, which must cover each of the `n_positions` of the flat row exactly once, for `kernel`.

    dtype: the type of queries and keys.
    """
    if kernel is Kernel.VARLEN:
        return pack_varlen(segments, device)
    return pack_tiles(segments, n_positions, dtype, device)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    packing: Packing | None = None,
    sliding_window: int | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attend: query [b, heads, s, d], key and value [b, kv heads, s, d] -> [b, s, heads, d]; transformers' signature.

    With `packing`, b is 1 and s the flat row. Without it this is transformers' SDPA, so that a model can keep this
    attention for every use (generation, plain forward). sliding_window: of this layer, None where it sees everything.
    """
    if packing is None:
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
        return output, None
    return packing.attend(query, key, value, scaling, sliding_window), None


def register() -> None:
    """Register this attention with transformers (idempotent); masks outside packed rows are SDPA's."""
    AttentionInterface.register(PACKED_ATTENTION, packed_attention)
    AttentionMaskInterface.register(PACKED_ATTENTION, sdpa_mask)
