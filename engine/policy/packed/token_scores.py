"""Log-probs and entropies from hidden states, tile by tile: the logits, tokens x vocabulary, are never held whole.

With z = W h / T the logits of one token y, m their maximum and E = sum_v exp(z_v - m),
    log p(y)           = z_y - m - log E
    entropy            = log E - sum_v exp(z_v - m) (z_v - m) / E
    d log p(y) / d h   = (W_y - sum_v p_v W_v) / T        one vector of the hidden width, known in the forward pass
The sums run over vocabulary tiles; whenever a tile raises the maximum, the sums so far are scaled down (online
softmax). The forward pass keeps the last line (tokens x hidden) instead of logits, so the backward pass is one
elementwise multiplication: an update takes two products with W, where recomputing the logits would take three.

Logits and sums are fp32 whatever the type of the weights, and bf16 products write fp32: bf16 logits of a 152k
vocabulary are off by up to 0.06 nats, and sums of bf16 tiles are biased.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class TileShape:
    """Shape of a tile, tokens x vocabulary, that is scored at a time; `elements` is its largest size.

    Two tiles of fp32 (logits and their exponentials) are held, and on a GPU one of the weights' type: 64 + 64 + 32 MB
    for the GPU's shape, large enough for kernels to run much longer than their launch. On the CPU a tile is 4 MB, a
    core's share of the cache.
    """

    elements: int
    vocabulary: int

    def tokens(self, vocabulary: int) -> int:
        """Return the number of tokens in a tile of a model with `vocabulary` tokens."""
        return max(1, self.elements // min(vocabulary, self.vocabulary))

    def ranges(self, vocabulary: int) -> list[range]:
        """Split the vocabulary into tiles of equal size, a multiple of 64 for the speed of tensor cores."""
        count = -(-vocabulary // self.vocabulary)
        width = min(vocabulary, -(-vocabulary // count // 64) * 64)
        return [range(begin, min(begin + width, vocabulary)) for begin in range(0, vocabulary, width)]


CPU_TILE = TileShape(elements=1 << 20, vocabulary=1 << 12)
GPU_TILE = TileShape(elements=1 << 24, vocabulary=1 << 14)


def score_hidden(
    hidden_ah: torch.Tensor,
    weight_vh: torch.Tensor,
    target_ids_a: torch.Tensor,
    temperature: float = 1.0,
    tile: TileShape | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log-probs [a] of `target_ids_a` and entropies [a] in nats under softmax(hidden weight^T / temperature).

    Both are fp32. The log-probs carry a gradient to `hidden_ah`; `weight_vh` is frozen. tile: by default that of the
    device.
    """
    shape = tile or (CPU_TILE if hidden_ah.device.type == "cpu" else GPU_TILE)
    scores: tuple[torch.Tensor, torch.Tensor] = _TokenScores.apply(
        hidden_ah, weight_vh, target_ids_a, temperature, shape
    )
    return scores


class _TokenScores(torch.autograd.Function):
    """Node for hidden [a, h], weight [v, h] (frozen), target ids [a] -> log-probs [a], entropy [a] (no gradient)."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ah: torch.Tensor,
        weight_vh: torch.Tensor,
        target_ids_a: torch.Tensor,
        temperature: float,
        tile: TileShape,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        n_tokens, vocabulary = hidden_ah.shape[0], weight_vh.shape[0]
        logprobs_a = hidden_ah.new_empty(n_tokens, dtype=torch.float32)
        entropy_a = torch.empty_like(logprobs_a)
        jacobian_ah = torch.empty_like(hidden_ah) if ctx.needs_input_grad[0] else None
        ranges, step = tile.ranges(vocabulary), tile.tokens(vocabulary)
        for begin in range(0, n_tokens, step):
            part = slice(begin, begin + step)
            sums = _OnlineSums(hidden_ah[part], target_ids_a[part], temperature, jacobian_ah is not None)
            for ids in ranges:
                sums.add(weight_vh[ids.start : ids.stop], ids)
            logprobs_a[part], entropy_a[part] = sums.logprobs(), sums.entropy()
            if jacobian_ah is not None:
                jacobian_ah[part] = sums.jacobian(weight_vh)
        ctx.save_for_backward(jacobian_ah)
        ctx.mark_non_differentiable(entropy_a)
        return logprobs_a, entropy_a

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (jacobian_ah,) = ctx.saved_tensors
        return jacobian_ah * grad_outputs[0][:, None].to(jacobian_ah.dtype), None, None, None, None


class _OnlineSums:
    """Sums over the vocabulary tiles so far, for one tile of tokens; all fp32, relative to the maximum `_max_a`."""

    def __init__(
        self, hidden_ah: torch.Tensor, target_ids_a: torch.Tensor, temperature: float, wants_gradient: bool
    ) -> None:
        self._hidden_ah, self._target_ids_a = hidden_ah, target_ids_a
        self._temperature, self._wants_gradient = temperature, wants_gradient
        self._is_first = True
        # m; E; sum of e (z - m); the target's z
        self._max_a = self._total_a = self._weighted_a = self._target_a = torch.empty(0)
        self._rows_ah = torch.empty(0)  # sum of e W_v

    def add(self, weight_vh: torch.Tensor, ids: range) -> None:
        """Add the rows `ids` of the output head, [v, h]."""
        logits_av = _product(self._hidden_ah, weight_vh.t())
        if self._temperature != 1.0:
            logits_av.div_(self._temperature)
        local_a = self._target_ids_a - ids.start
        inside_a = (local_a >= 0) & (local_a < len(ids))
        target_a = logits_av.gather(1, local_a.clamp(0, len(ids) - 1)[:, None])[:, 0]
        max_a = logits_av.amax(dim=-1)
        if not self._is_first:
            max_a = torch.maximum(max_a, self._max_a)
        # One pass of exp serves log-prob, entropy and gradient.
        logits_av.sub_(max_a[:, None])
        exp_av = logits_av.exp()
        total_a = exp_av.sum(dim=-1)
        rows_ah = _product(exp_av, weight_vh) if self._wants_gradient else None
        weighted_a = exp_av.mul_(logits_av).sum(dim=-1)
        if self._is_first:
            self._total_a, self._weighted_a = total_a, weighted_a
            self._target_a = torch.where(inside_a, target_a, 0.0)
            if rows_ah is not None:
                self._rows_ah = rows_ah
        else:
            raised_a = self._max_a - max_a  # <= 0
            scale_a = raised_a.exp()
            self._weighted_a = (self._weighted_a + raised_a * self._total_a) * scale_a + weighted_a
            self._total_a = self._total_a * scale_a + total_a
            self._target_a = torch.where(inside_a, target_a, self._target_a)
            if rows_ah is not None:
                self._rows_ah.mul_(scale_a[:, None]).add_(rows_ah)
        self._max_a, self._is_first = max_a, False

    def logprobs(self) -> torch.Tensor:
        """Return the log-probs of the targets, [a]."""
        return self._target_a - self._max_a - self._total_a.log()

    def entropy(self) -> torch.Tensor:
        """Return the entropies, [a], in nats."""
        return self._total_a.log() - self._weighted_a / self._total_a

    def jacobian(self, weight_vh: torch.Tensor) -> torch.Tensor:
        """Return d log p / d hidden, [a, h]."""
        # fp32: where the policy is sure of its token, this is the difference of two nearly equal rows.
        target_rows_ah = weight_vh.index_select(0, self._target_ids_a).float()
        jacobian_ah = torch.addcdiv(target_rows_ah, self._rows_ah, self._total_a[:, None], value=-1.0)
        return jacobian_ah if self._temperature == 1.0 else jacobian_ah.div_(self._temperature)


def _product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Compute left @ right with fp32 sums and output.

    On a GPU `left` is rounded to the type of `right`, for its speed. The exponentials of the online softmax tolerate
    that, because the largest of them is exactly 1.
    """
    if right.device.type == "cuda" and right.dtype != torch.float32:
        return torch.mm(left.to(right.dtype), right, out_dtype=torch.float32)
    return left.float() @ right.float()
