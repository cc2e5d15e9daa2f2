"""Attention over a prompt shared by its group and a row's own tail, registered with transformers.

transformers lets a registered function replace the attention of every model that goes through its
`AttentionInterface`. Ours also owns the KV cache: it stores the keys and values it receives, so models run with
`use_cache=False` and need no mask. A pass object, handed through the model as a keyword argument, says whether this is
a prompt pass or a decoding step.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface

from engine.sampling.local.shared_kv import SharedKV

ATTENTION_NAME = "cure_shared_prompt"


class AttentionPass(Protocol):
    """One forward pass through the model."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        """Map query (b, heads, s, head_dim), key and value (b, kv_heads, s, head_dim) to (b, s, heads, head_dim)."""
        ...


class PromptPass:
    """Pass over right-padded prompts, one per group: causal attention; keys and values are stored for the group.

    Padding follows every real token of its row, so the causal mask alone hides it.
    """

    def __init__(self, kv: SharedKV, first_group: int) -> None:
        self._kv = kv
        self._first_group = first_group

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        groups_g, _, positions, _ = key.shape
        stored = self._kv.prompts(layer)[:, self._first_group : self._first_group + groups_g, :, :positions]
        stored[0] = key
        stored[1] = value
        grouped_queries = query.shape[1] != key.shape[1]
        attended = F.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped_queries
        )
        return attended.transpose(1, 2)


class StepPass:
    """Pass of one new token per row.

    Shapes: b rows, g groups, n members, h KV heads, q queries per KV head, d head_dim.

    Scores against the prompt are one product per group, (n*q, d) x (d, p): the shared keys are read once for all rows
    and query heads of a group. Scores against the tail are one product per row and KV head. One softmax spans both.
    """

    def __init__(self, kv: SharedKV) -> None:
        self._kv = kv
        self._layout = kv.layout()

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
        kv = self._kv
        rows, query_heads, _, head_dim = query.shape
        kv_heads = key.shape[1]
        prompt = kv.prompts(layer)[:, : self._layout.groups, :, : self._layout.prompt_columns]
        tails = kv.tails(layer)[:, :rows]
        tails[0, :, :, kv.column] = key[:, :, 0]
        tails[1, :, :, kv.column] = value[:, :, 0]
        tail = tails[:, :, :, kv.window]

        scaled_query = query[:, :, 0] * scaling
        prompt_scores = self._into_groups(scaled_query, kv_heads) @ prompt[0].transpose(-1, -2)
        if self._layout.prompt_bias_g11p is not None:
            prompt_scores += self._layout.prompt_bias_g11p
        tail_scores = (
            scaled_query.view(rows, kv_heads, query_heads // kv_heads, head_dim) @ tail[0].transpose(-1, -2)
        ).view(rows, query_heads, -1)
        if self._layout.tail_bias_b1s is not None:
            tail_scores += self._layout.tail_bias_b1s[..., kv.window]
        scores = torch.cat([self._out_of_groups(prompt_scores, query_heads), tail_scores], dim=-1)
        weights = scores.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
        prompt_weights, tail_weights = weights.split([prompt.shape[-2], tail.shape[-2]], dim=-1)

        from_prompt = self._out_of_groups(self._into_groups(prompt_weights, kv_heads) @ prompt[1], query_heads)
        from_tail = tail_weights.reshape(rows, kv_heads, query_heads // kv_heads, -1) @ tail[1]
        return from_prompt.view(rows, 1, query_heads, head_dim).add_(from_tail.view(rows, 1, query_heads, head_dim))

    def _into_groups(self, per_row: Tensor, kv_heads: int) -> Tensor:
        """Reshape (b, h*q, x) to (g, h, n*q, x); slots without a row repeat row 0 and are never read."""
        layout = self._layout
        if layout.row_of_slot is not None:
            per_row = per_row.index_select(0, layout.row_of_slot)
        _, query_heads, width = per_row.shape
        grid = per_row.reshape(layout.groups, layout.members, kv_heads, query_heads // kv_heads, width)
        return grid.transpose(1, 2).reshape(layout.groups, kv_heads, -1, width)

    def _out_of_groups(self, per_group: Tensor, query_heads: int) -> Tensor:
        """Reshape (g, h, n*q, x) to (b, h*q, x)."""
        layout = self._layout
        groups, kv_heads, _, width = per_group.shape
        grid = per_group.view(groups, kv_heads, layout.members, query_heads // kv_heads, width).transpose(1, 2)
        per_slot = grid.reshape(groups * layout.members, query_heads, width)
        return per_slot if layout.slot_of_row_b is None else per_slot.index_select(0, layout.slot_of_row_b)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    attention_pass: AttentionPass,
    **_: Any,
) -> tuple[Tensor, None]:
    layer = module.layer_idx
    assert isinstance(layer, int)
    return attention_pass.attend(layer, query, key, value, scaling), None


# Registered once, under a name of our own: transformers looks attention up in this process-wide table, and a model
# uses it only while its config names it (see model_scope).
AttentionInterface.register(ATTENTION_NAME, _attention)
