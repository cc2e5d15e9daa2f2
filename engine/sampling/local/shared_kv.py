"""KV cache of a batch in which the samples of a group share their prompt's keys and values.

Each group stores its prompt once, right-padded. Each row stores its generated tokens in its own tail. Column c of all
tails is written in the same step; a row that came later has no columns before its first. Appending is therefore one
slice copy for the whole batch, whatever the rows' lengths. The last rows overwrite those that leave, so the batch
stays dense and only as many rows are copied as have left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.sampling.local.kv_table import KVShape, KVTable

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions of a batch's rows in their groups; valid until a row enters or leaves.

    A slot is a place in a (groups, members) grid that is as wide as the largest group; slot_of_row_b and
    row_of_slot map between the grid and the batch, None where both are already in the same order.
    prompt_bias_g11p, tail_bias_b1s: 0 where a key may be seen, -inf where not; None where all may.
    """

    groups: int
    members: int
    slot_of_row_b: Tensor | None
    row_of_slot: Tensor | None
    prompt_columns: int
    prompt_bias_g11p: Tensor | None
    tail_bias_b1s: Tensor | None


class SharedKV:
    """Prompts of groups, tails of rows, and the map from row to group."""

    def __init__(self, shape: KVShape, max_rows: int) -> None:
        self._device = shape.device
        self._dtype = shape.dtype
        self._max_rows = max_rows
        self._prompts = KVTable(shape)
        self._tails = KVTable(shape)
        self._prompt_length_g: IntArray = np.zeros(0, dtype=np.int64)
        self._group_of_row_b: IntArray = np.zeros(0, dtype=np.int64)
        self._first_column_b: IntArray = np.zeros(0, dtype=np.int64)
        self._column = 0  # where the step under way writes
        self._window = 0  # first column that any row still needs
        self._layout: Layout | None = None

    @property
    def rows(self) -> int:
        return len(self._group_of_row_b)

    @property
    def column(self) -> int:
        return self._column

    @property
    def window(self) -> slice:
        """The tail columns that a step sees, the one it writes included."""
        return slice(self._window, self._column + 1)

    def prompts(self, layer: int) -> Tensor:
        return self._prompts.layer(layer)

    def tails(self, layer: int) -> Tensor:
        return self._tails.layer(layer)

    def add_groups(self, prompt_lengths: Sequence[int], counts: Sequence[int]) -> int:
        """Append groups of `counts` rows; return the number of the first one. Raises ValueError: no room."""
        first = len(self._prompt_length_g)
        groups = first + len(prompt_lengths)
        if self.rows + sum(counts) > self._max_rows:
            raise ValueError(f"{self.rows} rows and {sum(counts)} more exceed the batch of {self._max_rows}")
        if not self.rows:
            self._column = self._window = 0
        self._prompts.reserve(groups, max(prompt_lengths))
        self._tails.reserve(self._max_rows, 1)
        new_rows = np.repeat(np.arange(first, groups), counts)
        self._prompt_length_g = np.append(self._prompt_length_g, np.asarray(prompt_lengths, dtype=np.int64))
        self._group_of_row_b = np.append(self._group_of_row_b, new_rows)
        self._first_column_b = np.append(self._first_column_b, np.full(len(new_rows), self._column))
        self._layout = None
        return first

    def next_positions_b(self) -> Tensor:
        """Return the position of each row's next token in its own sequence."""
        positions = self._prompt_length_g[self._group_of_row_b] + self._column - self._first_column_b
        return torch.from_numpy(positions).to(self._device)

    def begin_step(self) -> None:
        """Provide a free column: shift out columns that no row needs any more, or grow."""
        if self._column < self._tails.columns:
            return
        live = self._column - self._window
        # Shifting is worth its copy only where it frees a quarter of the table; below that it would soon recur.
        if live * 4 <= self._tails.columns * 3:
            self._tails.shift_columns(self.rows, self._window, self._column)
            self._first_column_b -= self._window
            self._column, self._window = live, 0
            self._layout = None
        else:
            self._tails.reserve(self._max_rows, self._column + 1)
            self._layout = None

    def end_step(self) -> None:
        self._column += 1

    def drop_rows(self, targets_b: IntArray, sources_b: IntArray, remaining: int) -> None:
        """Move rows `sources_b` onto `targets_b`, keep the first `remaining` rows and their groups."""
        if len(targets_b):
            self._tails.move_rows(
                torch.from_numpy(targets_b).to(self._device),
                torch.from_numpy(sources_b).to(self._device),
                self._window,
                self._column,
            )
        for array_b in (self._group_of_row_b, self._first_column_b):
            array_b[targets_b] = array_b[sources_b]
        self._group_of_row_b = self._group_of_row_b[:remaining]
        self._first_column_b = self._first_column_b[:remaining]
        self._window = int(self._first_column_b.min()) if remaining else self._column
        self._drop_empty_groups()
        self._layout = None

    def layout(self) -> Layout:
        if self._layout is None:
            self._layout = self._arrange()
        return self._layout

    def _drop_empty_groups(self) -> None:
        groups = len(self._prompt_length_g)
        occupied_g = np.bincount(self._group_of_row_b, minlength=groups) > 0
        targets, sources, remaining = swaps_that_compact(occupied_g)
        if remaining == groups:
            return
        if len(targets):
            self._prompts.move_rows(
                torch.from_numpy(targets).to(self._device),
                torch.from_numpy(sources).to(self._device),
                0,
                int(self._prompt_length_g[sources].max()),
            )
            self._prompt_length_g[targets] = self._prompt_length_g[sources]
            renumbered_g = np.arange(groups)
            renumbered_g[sources] = targets
            self._group_of_row_b = renumbered_g[self._group_of_row_b]
        self._prompt_length_g = self._prompt_length_g[:remaining]

    def _arrange(self) -> Layout:
        group_b = self._group_of_row_b
        groups = len(self._prompt_length_g)
        size_g = np.bincount(group_b, minlength=groups)
        members = int(size_g.max())
        by_group = np.argsort(group_b, kind="stable")
        member_b = np.empty_like(group_b)
        member_b[by_group] = np.arange(self.rows) - np.repeat(np.cumsum(size_g) - size_g, size_g)
        slot_b = group_b * members + member_b
        in_order = groups * members == self.rows and bool((slot_b == np.arange(self.rows)).all())
        row_of_slot = np.zeros(groups * members, dtype=np.int64)
        row_of_slot[slot_b] = np.arange(self.rows)

        prompt_columns = int(self._prompt_length_g.max())
        prompt_bias = tail_bias = None
        if (self._prompt_length_g != prompt_columns).any():
            hidden_gp = np.arange(prompt_columns)[None, :] >= self._prompt_length_g[:, None]
            prompt_bias = self._bias(hidden_gp)[:, None, None, :]
        if (self._first_column_b != self._window).any():
            hidden_bs = np.arange(self._tails.columns)[None, :] < self._first_column_b[:, None]
            tail_bias = self._bias(hidden_bs)[:, None, :]
        return Layout(
            groups=groups,
            members=members,
            slot_of_row_b=None if in_order else torch.from_numpy(slot_b).to(self._device),
            row_of_slot=None if in_order else torch.from_numpy(row_of_slot).to(self._device),
            prompt_columns=prompt_columns,
            prompt_bias_g11p=prompt_bias,
            tail_bias_b1s=tail_bias,
        )

    def _bias(self, hidden: npt.NDArray[np.bool_]) -> Tensor:
        bias = torch.zeros(hidden.shape, dtype=self._dtype, device=self._device)
        return bias.masked_fill_(torch.from_numpy(hidden).to(self._device), float("-inf"))


def swaps_that_compact(kept: npt.NDArray[np.bool_]) -> tuple[IntArray, IntArray, int]:
    """Return (targets, sources, remaining): moving sources onto targets leaves all kept entries in front."""
    remaining = int(kept.sum())
    targets = np.flatnonzero(~kept[:remaining])
    sources = np.flatnonzero(kept[remaining:]) + remaining
    return targets, sources, remaining
