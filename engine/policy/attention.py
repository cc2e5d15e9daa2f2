"""Attention in packed rows: each of many answers in one flat row sees its own prompt and itself only.

A flat row holds no padding, so embeddings, projections and MLPs work on real tokens and on each prompt once.
For the attention alone the row is cut into segments (a prompt, or an answer that continues a prompt) which
are gathered into small padded tiles of similar lengths and given to `scaled_dot_product_attention`. One
block-diagonal mask over the flat row would give the same numbers at the square of its length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

PACKED_ATTENTION = "cure_packed"
"""The name under which transformers finds this attention; without a `packing` argument it is plain SDPA."""


@dataclass(frozen=True)
class Segment:
    """Consecutive positions of the flat row; they attend causally to themselves and fully to a prefix.

    A prompt has an empty prefix; an answer's prefix is its prompt.
    """

    start: int
    length: int
    prefix_start: int = 0
    prefix_length: int = 0


@dataclass(frozen=True)
class AttentionTile:
    """n segments of similar lengths, padded to the longest: q queries each, c = longest prefix + q keys."""

    query_index: torch.Tensor  # [n * q] int64 into the flat row; padding repeats a real position, its output is dropped
    key_index: torch.Tensor  # [n * c] int64 into the flat row
    mask: torch.Tensor  # [n, 1, q, c] additive: 0 where a query may look, -inf elsewhere
    n_segments: int


@dataclass(frozen=True)
class Packing:
    """How the attention of a flat row is computed: its tiles, and where in them each position's output lies."""

    tiles: tuple[AttentionTile, ...]
    output_index: torch.Tensor  # [s] int64 into the tiles' outputs laid end to end


def pack_segments(segments: Sequence[Segment], n_positions: int, dtype: torch.dtype, device: torch.device) -> Packing:
    """Tile `segments`, which must cover each of the `n_positions` of the flat row exactly once.

    Masks come in `dtype` (that of the queries). A tile takes segments down to half the length of its longest,
    so that at most about half of its queries are padding while a micro-batch still needs few tiles.
    """
    output_index = torch.empty(n_positions, dtype=torch.long)
    tiles: list[AttentionTile] = []
    offset = 0
    for members in _by_similar_length(segments):
        tile, n_queries = _tile(members, dtype, device)
        for row, segment in enumerate(members):
            begin = offset + row * n_queries
            output_index[segment.start : segment.start + segment.length] = torch.arange(begin, begin + segment.length)
        offset += len(members) * n_queries
        tiles.append(tile)
    return Packing(tuple(tiles), output_index.to(device))


def _by_similar_length(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Prompts apart from answers (no prefix to pad), longest first, a new tile at half the length."""
    tiles: list[list[Segment]] = []
    ordered = sorted(segments, key=lambda segment: (segment.prefix_length > 0, -segment.length))
    for segment in ordered:
        head = tiles[-1][0] if tiles else None
        fits = (
            head is not None
            and (head.prefix_length > 0) == (segment.prefix_length > 0)
            and 2 * segment.length >= head.length
        )
        if fits:
            tiles[-1].append(segment)
        else:
            tiles.append([segment])
    return tiles


def _tile(members: Sequence[Segment], dtype: torch.dtype, device: torch.device) -> tuple[AttentionTile, int]:
    start, length, prefix_start, prefix_length = torch.tensor(
        [(m.start, m.length, m.prefix_start, m.prefix_length) for m in members]
    ).T[:, :, None]  # each [n, 1]
    query = torch.arange(int(length.max()))[None]
    prefix = torch.arange(int(prefix_length.max()))[None]
    query_index = start + torch.minimum(query, length - 1)
    prefix_index = prefix_start + torch.minimum(prefix, (prefix_length - 1).clamp(min=0))
    sees_prefix = (prefix < prefix_length)[:, None, None, :].expand(-1, 1, query.shape[1], -1)
    # A padded query sees its segment's real positions too: harmless, and no row of the softmax is empty.
    sees_itself = (query <= query.T).expand(len(members), 1, -1, -1)
    sees = torch.cat([sees_prefix, sees_itself], dim=-1)
    mask = torch.zeros(sees.shape, dtype=dtype).masked_fill_(~sees, float("-inf"))
    tile = AttentionTile(
        query_index=query_index.reshape(-1).to(device),
        key_index=torch.cat([prefix_index, query_index], dim=1).reshape(-1).to(device),
        mask=mask.to(device),
        n_segments=len(members),
    )
    return tile, query.shape[1]


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    packing: Packing | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """query [b, heads, s, d], key and value [b, kv heads, s, d] -> [b, s, heads, d]; transformers' signature.

    With `packing`, b is 1 and s the flat row; without it this is transformers' SDPA, so that a model can keep
    this attention for every use (generation, plain forward).
    """
    if packing is None:
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
        return output, None
    _, n_heads, _, width = query.shape
    rows = [_rows(states) for states in (query, key, value)]
    outputs = []
    for tile in packing.tiles:
        queries = _gather(rows[0], tile.query_index, tile.n_segments, width)
        keys = _gather(rows[1], tile.key_index, tile.n_segments, width)
        values = _gather(rows[2], tile.key_index, tile.n_segments, width)
        # CUDA's memory-efficient kernel takes a mask or grouped queries, not both; the CPU kernel takes both.
        grouped = query.device.type == "cpu"
        if not grouped:
            repeats = n_heads // keys.shape[1]
            keys, values = (states.repeat_interleave(repeats, dim=1) for states in (keys, values))
        attended = F.scaled_dot_product_attention(
            queries, keys, values, attn_mask=tile.mask, scale=scaling, enable_gqa=grouped
        )
        outputs.append(attended.transpose(1, 2).reshape(-1, n_heads * width))
    flat = torch.cat(outputs) if len(outputs) > 1 else outputs[0]
    return flat.index_select(0, packing.output_index).view(1, -1, n_heads, width), None


def _rows(states: torch.Tensor) -> torch.Tensor:
    """[1, heads, s, d] -> [s, heads * d]; no copy where the projection wrote it in that order."""
    return states.transpose(1, 2).reshape(states.shape[2], -1)


def _gather(rows: torch.Tensor, index: torch.Tensor, n_segments: int, width: int) -> torch.Tensor:
    """[s, heads * d] and n * q indices -> [n, heads, q, d]."""
    return rows.index_select(0, index).view(n_segments, -1, rows.shape[1] // width, width).transpose(1, 2)


def register() -> None:
    """Tell transformers of this attention (idempotent); masks outside packed rows are SDPA's."""
    AttentionInterface.register(PACKED_ATTENTION, packed_attention)
    AttentionMaskInterface.register(PACKED_ATTENTION, sdpa_mask)
