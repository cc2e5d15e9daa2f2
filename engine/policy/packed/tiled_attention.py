"""Packed attention through torch's SDPA: segments of similar lengths, gathered into small padded tiles.

Used on the CPU, for fp32, and on GPUs without the kernels that varlen_attention.py needs. A tile's mask takes
queries x keys elements, 128 MB for an answer of 8k tokens. On a GPU, a segment whose mask would be larger than
`LARGEST_MASK_GPU` therefore gets a tile of its own, without padding and so without a mask: its attention is causal from
the bottom right, a case that flash and memory-efficient kernels support without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch.nn.attention.bias import causal_lower_right

from engine.policy.packed.segments import Segment

LARGEST_MASK_GPU = 1 << 22  # elements: 8 MB in bf16, an answer of about 2,000 tokens
_NEVER = 1 << 40  # position of padding keys, behind every query


@dataclass(frozen=True)
class AttentionTile:
    """Tile of n segments of similar lengths, padded to the longest: q queries each, c = longest prefix + q keys."""

    query_index: torch.Tensor  # [n * q] int64 into the flat row; padding repeats a real position, its output is dropped
    key_index: torch.Tensor  # [n * c] int64 into the flat row
    mask: torch.Tensor | None  # [n, 1, q, c] additive: 0 where a query may attend, else -inf; None only if n = 1
    n_segments: int
    dtype: torch.dtype  # of masks
    query_position: torch.Tensor  # [n, q] int64 in the sequence: its prompt, then the segment itself
    key_position: torch.Tensor  # [n, c] int64
    _windowed: dict[int, torch.Tensor] = field(default_factory=dict)

    def mask_within(self, window: int | None) -> torch.Tensor | None:
        """Return the mask of layers whose queries see `window` positions at most; each is built once."""
        if window is None or window >= self.key_position.shape[1]:
            return self.mask
        if window not in self._windowed:
            self._windowed[window] = _mask(self.query_position, self.key_position, window, self.dtype)
        return self._windowed[window]


@dataclass(frozen=True)
class TiledPacking:
    """Packing of a flat row for tiled attention: its tiles, and the place of each position's output in them."""

    tiles: tuple[AttentionTile, ...]
    output_index: torch.Tensor  # [s] int64 into the tiles' outputs laid end to end

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None, window: int | None
    ) -> torch.Tensor:
        """Attend: query [1, heads, s, d], key and value [1, kv heads, s, d] -> [1, s, heads, d]."""
        _, n_heads, _, width = query.shape
        # [1, heads, s, d] -> [s, heads * d], without a copy if the projection wrote it in that order.
        query_rows, key_rows, value_rows = (
            states.transpose(1, 2).reshape(states.shape[2], -1) for states in (query, key, value)
        )
        # CUDA's memory-efficient kernel takes a mask or grouped queries, not both; the CPU kernel takes both.
        grouped = query.device.type == "cpu"
        outputs = []
        for tile in self.tiles:
            queries = _gather(query_rows, tile.query_index, tile.n_segments, width)
            keys = _gather(key_rows, tile.key_index, tile.n_segments, width)
            values = _gather(value_rows, tile.key_index, tile.n_segments, width)
            if not grouped:
                repeats = n_heads // keys.shape[1]
                keys, values = (states.repeat_interleave(repeats, dim=1) for states in (keys, values))
            mask = tile.mask_within(window)
            if mask is None:
                mask = causal_lower_right(queries.shape[2], keys.shape[2])
            attended = F.scaled_dot_product_attention(
                queries, keys, values, attn_mask=mask, scale=scaling, enable_gqa=grouped
            )
            outputs.append(attended.transpose(1, 2).reshape(-1, n_heads * width))
        flat = torch.cat(outputs) if len(outputs) > 1 else outputs[0]
        return flat.index_select(0, self.output_index).view(1, -1, n_heads, width)


def pack_tiles(
    segments: Sequence[Segment],
    n_positions: int,
    dtype: torch.dtype,
    device: torch.device,
    largest_mask: int | None = None,
) -> TiledPacking:
    """Tile `segments`, which must cover each of the `n_positions` of the flat row exactly once.

    A tile takes segments down to half the length of its longest, so that at most about half of its queries are padding
    while a micro-batch still needs few tiles. dtype: the type of queries and of masks. largest_mask: in elements; by
    default unlimited on the CPU, whose kernel has no lower-right causal form.
    """
    if largest_mask is None and device.type != "cpu":
        largest_mask = LARGEST_MASK_GPU
    output_index = torch.empty(n_positions, dtype=torch.long)
    tiles: list[AttentionTile] = []
    offset = 0
    for members in _by_similar_length(segments, largest_mask):
        longest = max(member.length for member in members)
        masked = largest_mask is None or len(members) > 1 or longest * members[0].keys <= largest_mask
        tiles.append(_tile(members, dtype, device, masked))
        for row, segment in enumerate(members):
            begin = offset + row * longest
            output_index[segment.start : segment.start + segment.length] = torch.arange(begin, begin + segment.length)
        offset += len(members) * longest
    return TiledPacking(tuple(tiles), output_index.to(device))


def _by_similar_length(segments: Sequence[Segment], largest_mask: int | None) -> list[list[Segment]]:
    """Group segments into tiles: prompts apart from answers (no prefix to pad), a new tile at half the length."""
    tiles: list[list[Segment]] = []
    ordered = sorted(segments, key=lambda segment: (segment.prefix_length > 0, -segment.length))
    for segment in ordered:
        head = tiles[-1][0] if tiles else None
        fits = (
            head is not None
            and (head.prefix_length > 0) == (segment.prefix_length > 0)
            and 2 * segment.length >= head.length
            and (largest_mask is None or _mask_elements([*tiles[-1], segment]) <= largest_mask)
        )
        if fits:
            tiles[-1].append(segment)
        else:
            tiles.append([segment])
    return tiles


def _mask_elements(members: Sequence[Segment]) -> int:
    queries = max(member.length for member in members)
    return len(members) * queries * (max(member.prefix_length for member in members) + queries)


def _tile(members: Sequence[Segment], dtype: torch.dtype, device: torch.device, masked: bool) -> AttentionTile:
    start, length, prefix_start, prefix_length = torch.tensor(
        [(m.start, m.length, m.prefix_start, m.prefix_length) for m in members]
    ).T[:, :, None]  # each [n, 1]
    query = torch.arange(int(length.max()))[None]
    prefix = torch.arange(int(prefix_length.max()))[None]
    query_index = start + torch.minimum(query, length - 1)
    prefix_index = prefix_start + torch.minimum(prefix, (prefix_length - 1).clamp(min=0))
    query_position = (prefix_length + query).to(device)
    prefix_position = torch.where(prefix < prefix_length, prefix, _NEVER).to(device)
    key_position = torch.cat([prefix_position, query_position], dim=1)
    return AttentionTile(
        query_index=query_index.reshape(-1).to(device),
        key_index=torch.cat([prefix_index, query_index], dim=1).reshape(-1).to(device),
        mask=_mask(query_position, key_position, None, dtype) if masked else None,
        n_segments=len(members),
        dtype=dtype,
        query_position=query_position,
        key_position=key_position,
    )


def _mask(query_nq: torch.Tensor, key_nc: torch.Tensor, window: int | None, dtype: torch.dtype) -> torch.Tensor:
    """Build an additive mask [n, 1, q, c] from positions: causal, and no further back than `window`.

    A padded query sees itself, so no row of the softmax is empty (which gives NaN).
    """
    query, key = query_nq[:, None, :, None], key_nc[:, None, None, :]
    sees = key <= query
    if window is not None:
        sees &= key > query - window
    return torch.zeros(sees.shape, dtype=dtype, device=sees.device).masked_fill_(~sees, float("-inf"))


def _gather(rows: torch.Tensor, index: torch.Tensor, n_segments: int, width: int) -> torch.Tensor:
    """Gather rows: [s, heads * d] and n * q indices -> [n, heads, q, d]."""
    return rows.index_select(0, index).view(n_segments, -1, rows.shape[1] // width, width).transpose(1, 2)
