"""LoRA linear layers, one autograd node each: peft's numbers with fewer passes over memory.

peft computes `base(x) + B(A(x)) * scaling` as five nodes; each elementwise node reads and writes the full activation.
Here the matrix product itself accumulates the low-rank part (`addmm_`), which saves 4-8 % of forward and backward of
the embedded model on one CPU thread, in interleaved runs. With a bf16 or NF4 base, peft also casts x to the adapters'
fp32 and keeps that copy for the backward pass; here x is kept once, in its own type. Otherwise the classes are peft's:
saving, merging and switching off are inherited, and peft computes all cases that the fused path does not cover.
(NF4 layers: quantised.py, which imports bitsandbytes.)
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import torch
import torch.nn.functional as F
from peft.tuners.lora import LoraLayer
from peft.tuners.lora.layer import Linear as PeftLoraLinear


class FrozenWeight(Protocol):
    """Frozen weight W, [out, in], in any storage format."""

    def linear(self, x_si: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """Compute x W^T + bias: [s, in] -> a new [s, out], which the caller may overwrite."""

    def backward(self, grad_so: torch.Tensor) -> torch.Tensor:
        """Compute grad W: [s, out] -> a new [s, in], which the caller may overwrite."""


class PlainWeight:
    """Frozen weight kept in the type that it is used in."""

    def __init__(self, weight: torch.Tensor) -> None:
        self._weight = weight

    def linear(self, x_si: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        return F.linear(x_si, self._weight, bias)

    def backward(self, grad_so: torch.Tensor) -> torch.Tensor:
        return grad_so @ self._weight


class FusedLoraLinear(PeftLoraLinear):
    """peft's LoRA `Linear` with a fused path for the plain case: one active adapter, no dropout, unmerged."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Compute the layer: x [..., in] -> [..., out]."""
        weight = cast(torch.Tensor, self.base_layer.weight)
        if args or kwargs or x.dtype != weight.dtype or not is_plain(self, x):
            return super().forward(x, *args, **kwargs)
        return fused_lora(self, x, PlainWeight(weight))


def is_plain(layer: LoraLayer, x: torch.Tensor) -> bool:
    """Return True if `fused_lora` computes the same as peft's forward pass would."""
    names: list[str] = layer.active_adapters
    return (
        not layer.disable_adapters
        and not layer.merged
        and len(names) == 1
        and names[0] in layer.lora_A
        and names[0] not in layer.lora_variant
        and isinstance(layer.lora_dropout[names[0]], torch.nn.Identity)
        and not layer.lora_bias[names[0]]
        and not torch.is_autocast_enabled(x.device.type)
    )


def fused_lora(layer: LoraLayer, x: torch.Tensor, weight: FrozenWeight) -> torch.Tensor:
    """Apply `weight`, the layer's bias and its one active adapter: x [..., in] -> [..., out]."""
    (name,) = layer.active_adapters
    lora_a, lora_b = layer.lora_A[name].weight, layer.lora_B[name].weight
    output: torch.Tensor = _LoraLinear.apply(x, weight, layer.base_layer.bias, lora_a, lora_b, layer.scaling[name])
    return output


class _LoraLinear(torch.autograd.Function):
    """Node for y = x W^T + bias + c (x A^T) B^T with W and bias frozen; gradients for x, A and B.

    A and B may be fp32 with a bf16 W: they are cast to x's type for the products, and their gradients back to fp32.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: FrozenWeight,
        bias: torch.Tensor | None,
        lora_a: torch.Tensor,
        lora_b: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        """Compute x [..., in], weight [out, in], bias [out], lora_a [r, in], lora_b [out, r] -> [..., out]."""
        x_si = x.reshape(-1, x.shape[-1])
        a_ri, b_or = lora_a.to(x.dtype), lora_b.to(x.dtype)
        low_sr = x_si @ a_ri.t()
        y_so = weight.linear(x_si, bias)
        y_so.addmm_(low_sr, b_or.t(), alpha=scaling)
        ctx.save_for_backward(x_si, low_sr, lora_a, lora_b)
        ctx.weight, ctx.scaling = weight, scaling  # frozen, so autograd need not check them for changes
        return y_so.view(*x.shape[:-1], y_so.shape[-1])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grad_outputs
        x_si, low_sr, lora_a, lora_b = ctx.saved_tensors
        grad_so = grad.reshape(-1, grad.shape[-1])
        a_ri, b_or = lora_a.to(grad.dtype), lora_b.to(grad.dtype)
        grad_low_sr = (grad_so @ b_or).mul_(ctx.scaling)
        grad_a = (grad_low_sr.t() @ x_si).to(lora_a.dtype)
        grad_b = (grad_so.t() @ low_sr).to(lora_b.dtype).mul_(ctx.scaling)
        grad_x = None
        if ctx.needs_input_grad[0]:  # False in the first layer: the embedding below it is frozen
            grad_x = ctx.weight.backward(grad_so).addmm_(grad_low_sr, a_ri).view(*grad.shape[:-1], x_si.shape[1])
        return grad_x, None, None, grad_a, grad_b, None
