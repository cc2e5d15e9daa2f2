"""Decoder with transformers' own cache and attention: slower, but correct for every causal model it offers."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from engine.sampling.local.decoder import padded


class PlainDecoder:
    """A left-padded batch. Each prompt is computed once, then its cache is copied to its rows; all start together."""

    admits_midway = False

    def __init__(self, model: PreTrainedModel, pad_id: int) -> None:
        self._model = model
        self._pad_id = pad_id
        self._device = model.device
        self._takes_positions = "position_ids" in inspect.signature(model.forward).parameters
        self._cache = DynamicCache(config=model.config)
        self._mask_bs = torch.zeros((0, 0), dtype=torch.int64, device=self._device)

    @property
    def rows(self) -> int:
        return len(self._mask_bs)

    def admit(self, prompts: Sequence[tuple[int, ...]], counts: Sequence[int]) -> Tensor:
        if self.rows:
            raise ValueError("a plain batch admits prompts only when it is empty")
        self._cache = DynamicCache(config=self._model.config)
        ids_gs = padded(prompts, self._pad_id, left=True, device=self._device)
        length_g = torch.tensor([len(prompt) for prompt in prompts], device=self._device)
        column_s = torch.arange(ids_gs.shape[1], device=self._device)
        self._mask_bs = (column_s[None] >= ids_gs.shape[1] - length_g[:, None]).long()
        logits_gv = self._forward(ids_gs, (self._mask_bs.cumsum(dim=1) - 1).clamp(min=0))
        group_b = torch.repeat_interleave(
            torch.arange(len(prompts), device=self._device), torch.tensor(counts, device=self._device)
        )
        self._select(group_b)
        return logits_gv

    def step(self, token_b: npt.NDArray[np.int64]) -> Tensor:
        position_b1 = self._mask_bs.sum(dim=1, keepdim=True)
        self._mask_bs = torch.cat([self._mask_bs, torch.ones_like(position_b1)], dim=1)
        return self._forward(torch.from_numpy(token_b).to(self._device)[:, None], position_b1)

    def drop_rows(self, targets_b: npt.NDArray[np.int64], sources_b: npt.NDArray[np.int64], remaining: int) -> None:
        order_b = np.arange(self.rows)
        order_b[targets_b] = sources_b
        self._select(torch.from_numpy(order_b[:remaining]).to(self._device))

    def _select(self, row_b: Tensor) -> None:
        self._cache.batch_select_indices(row_b)
        self._mask_bs = self._mask_bs[row_b]

    def _forward(self, ids_bs: Tensor, position_bs: Tensor) -> Tensor:
        positions = {"position_ids": position_bs} if self._takes_positions else {}
        output = self._model(
            input_ids=ids_bs,
            attention_mask=self._mask_bs,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
            **positions,
        )
        logits: Tensor = output.logits[:, -1]
        return logits
