"""KV cache storage: one preallocated table per layer, grown in blocks of columns, rows moved in place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_COLUMN_BLOCK = 64


@dataclass(frozen=True, slots=True)
class KVShape:
    """Shape, dtype and device of a model's keys and values."""

    layers: int
    heads: int
    head_dim: int
    dtype: torch.dtype
    device: torch.device


class KVTable:
    """Keys and values of a batch: one tensor (2, rows, heads, columns, head_dim) a layer, keys first.

    One tensor a layer rather than one for all: growing copies layer by layer, so it needs room for a second copy of
    one layer only.
    """

    def __init__(self, shape: KVShape) -> None:
        self._shape = shape
        self._layers = [self._allocate(0, 0) for _ in range(shape.layers)]

    @property
    def rows(self) -> int:
        return self._layers[0].shape[1]

    @property
    def columns(self) -> int:
        return self._layers[0].shape[3]

    def layer(self, layer: int) -> Tensor:
        """Return the layer's table (2, rows, heads, columns, head_dim) itself, not a copy."""
        return self._layers[layer]

    def reserve(self, rows: int, columns: int) -> None:
        """Grow to at least `rows` rows and `columns` columns; stored entries keep their place."""
        if rows <= self.rows and columns <= self.columns:
            return
        rows = max(rows, self.rows)
        if columns > self.columns:
            # By a quarter at least, so that the copies of a growing table add up to a constant factor.
            columns = _round_up(max(columns, self.columns + self.columns // 4), _COLUMN_BLOCK)
        else:
            columns = self.columns
        for number, old in enumerate(self._layers):
            # Zeros, not uninitialised memory: a masked column has weight 0, but 0 x NaN would still be NaN.
            new = self._allocate(rows, columns)
            new[:, : old.shape[1], :, : old.shape[3]] = old
            self._layers[number] = new

    def move_rows(self, targets: Tensor, sources: Tensor, first: int, last: int) -> None:
        """Copy the columns [first, last) of rows `sources` over those of rows `targets`."""
        for table in self._layers:
            window = table[:, :, :, first:last]
            window[:, targets] = window[:, sources]

    def shift_columns(self, rows: int, first: int, last: int) -> None:
        """Move the columns [first, last) of the first `rows` rows to the left edge."""
        for table in self._layers:
            table[:, :rows, :, : last - first] = table[:, :rows, :, first:last].clone()

    def _allocate(self, rows: int, columns: int) -> Tensor:
        shape = self._shape
        return torch.zeros((2, rows, shape.heads, columns, shape.head_dim), dtype=shape.dtype, device=shape.device)


def _round_up(value: int, block: int) -> int:
    return -(-value // block) * block
