"""Packed attention through torch's flash kernels for sequences of different lengths: no padding and no mask.

The queries are the flat row as it is. The keys are gathered: for each segment its prefix, followed by the segment
itself. The kernel is causal from the bottom right, so the last query of a segment attends to all of its keys and the
first one to its prefix and itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import cast

import torch
from torch.nn.attention.varlen import varlen_attn

from engine.policy.packed.segments import Segment

FIRST_CAPABILITY = (8, 0)  # Ampere, the oldest that torch's flash kernels support


@dataclass(frozen=True)
class VarlenPacking:
    """Packing for the flash kernels: n segments in the order of the flat row, k keys in total."""

    key_index: torch.Tensor  # [k] int64 into the flat row
    query_ends: torch.Tensor  # [n + 1] int32, from 0: ends of the segments' queries
    key_ends: torch.Tensor  # [n + 1] int32, from 0: ends of their keys
    most_queries: int
    most_keys: int

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None, window: int | None
    ) -> torch.Tensor:
        """Attend: query [1, heads, s, d], key and value [1, kv heads, s, d] -> [1, s, heads, d]."""
        query_shd, key_shd, value_shd = (states[0].transpose(0, 1) for states in (query, key, value))
        attended_shd = varlen_attn(  # a tensor, as no auxiliary outputs are requested
            query_shd.contiguous(),
            key_shd.index_select(0, self.key_index),
            value_shd.index_select(0, self.key_index),
            self.query_ends,
            self.key_ends,
            self.most_queries,
            self.most_keys,
            scale=scaling,
            window_size=(-1 if window is None else window - 1, 0),  # keys before the query's own; causal
            enable_gqa=True,
        )
        return cast(torch.Tensor, attended_shd)[None]


def varlen_serves(device: torch.device, dtype: torch.dtype) -> bool:
    """Return True if the kernels support such tensors; layout_check.py tests that their numbers are right."""
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16):
        return False
    return torch.cuda.get_device_capability(device) >= FIRST_CAPABILITY


def pack_varlen(segments: Sequence[Segment], device: torch.device) -> VarlenPacking:
    """Pack `segments`, which must cover each position of the flat row exactly once."""
    ordered = sorted(segments, key=lambda segment: segment.start)
    keys = [
        torch.arange(begin, begin + length)
        for segment in ordered
        for begin, length in ((segment.prefix_start, segment.prefix_length), (segment.start, segment.length))
    ]
    query_ends = [0, *accumulate(segment.length for segment in ordered)]
    key_ends = [0, *accumulate(segment.keys for segment in ordered)]
    return VarlenPacking(
        key_index=torch.cat(keys).to(device),
        query_ends=torch.tensor(query_ends, dtype=torch.int32, device=device),
        key_ends=torch.tensor(key_ends, dtype=torch.int32, device=device),
        most_queries=max(segment.length for segment in ordered),
        most_keys=max(segment.keys for segment in ordered),
    )
