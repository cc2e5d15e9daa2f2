"""Protocol between sampler and model: admit prompts, decode one token per row, drop rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class Decoder(Protocol):
    """A batch of sequences with their KV cache. Rows are numbered densely from 0; new ones are appended."""

    @property
    def rows(self) -> int: ...

    @property
    def admits_midway(self) -> bool:
        """True where `admit` may be called while other rows are being decoded."""
        ...

    def admit(self, prompts: Sequence[tuple[int, ...]], counts: Sequence[int]) -> Tensor:
        """Compute each prompt once and open `counts[g]` rows that continue prompt g.

        Returns logits_gv of the rows' first token.
        """
        ...

    def step(self, token_b: npt.NDArray[np.int64]) -> Tensor:
        """Feed each row its latest token; return logits_bv of the next one."""
        ...

    def drop_rows(self, targets_b: npt.NDArray[np.int64], sources_b: npt.NDArray[np.int64], remaining: int) -> None:
        """Move rows `sources_b` onto `targets_b`, then keep the first `remaining` rows."""
        ...


def padded(prompts: Sequence[tuple[int, ...]], pad_id: int, *, left: bool, device: torch.device) -> Tensor:
    """Return ids_bs: the prompts padded with `pad_id` to the longest one, on the left or on the right."""
    longest = max(len(prompt) for prompt in prompts)
    ids_bs = np.full((len(prompts), longest), pad_id, dtype=np.int64)
    for row, prompt in enumerate(prompts):
        ids_bs[row, slice(longest - len(prompt), None) if left else slice(len(prompt))] = prompt
    return torch.from_numpy(ids_bs).to(device)
