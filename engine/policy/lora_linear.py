"""A LoRA linear layer whose forward and backward are one autograd node each: peft's numbers with fewer passes
over memory.

peft computes `base(x) + B(A(x)) * scaling` as five nodes; each elementwise one reads and writes the full
activation. Here the low-rank part is accumulated by the matrix product itself (`addmm_`): 4-8 % off forward
and backward of the embedded model on one CPU thread, interleaved runs. The class is peft's own `Linear`
otherwise: saving, merging and switching off are inherited, and whatever the short path does not cover goes to
peft's.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from peft.tuners.lora.layer import Linear as PeftLoraLinear


class FusedLoraLinear(PeftLoraLinear):
    """peft's LoRA `Linear` with a fused path for the plain case: one active adapter, no dropout, unmerged."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """x [..., in] -> [..., out]."""
        if args or kwargs or self.disable_adapters or self.merged or not self._is_plain(x):
            return super().forward(x, *args, **kwargs)
        (name,) = self.active_adapters
        base, lora_a, lora_b = self.base_layer, self.lora_A[name].weight, self.lora_B[name].weight
        output: torch.Tensor = _LoraLinear.apply(x, base.weight, base.bias, lora_a, lora_b, self.scaling[name])
        return output

    def _is_plain(self, x: torch.Tensor) -> bool:
        names: list[str] = self.active_adapters
        return (
            len(names) == 1
            and names[0] in self.lora_A
            and names[0] not in self.lora_variant
            and isinstance(self.lora_dropout[names[0]], torch.nn.Identity)
            and not self.lora_bias[names[0]]
            and x.dtype == self.base_layer.weight.dtype
            and not torch.is_autocast_enabled(x.device.type)
        )


class _LoraLinear(torch.autograd.Function):
    """y = x W^T + bias + c (x A^T) B^T with W and bias frozen; gradients for x, A and B.

    A and B may be kept in fp32 beside a bf16 W: they are cast to x's type for the products, their gradients
    come back in their own.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        lora_a: torch.Tensor,
        lora_b: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        """x [..., in], weight [out, in], bias [out], lora_a [r, in], lora_b [out, r] -> [..., out]."""
        x_si = x.reshape(-1, x.shape[-1])
        a_ri, b_or = lora_a.to(x.dtype), lora_b.to(x.dtype)
        low_sr = x_si @ a_ri.t()
        y_so = F.linear(x_si, weight, bias)
        y_so.addmm_(low_sr, b_or.t(), alpha=scaling)
        ctx.save_for_backward(x_si, low_sr, weight, lora_a, lora_b)
        ctx.scaling = scaling
        return y_so.view(*x.shape[:-1], y_so.shape[-1])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (grad,) = grad_outputs
        x_si, low_sr, weight, lora_a, lora_b = ctx.saved_tensors
        grad_so = grad.reshape(-1, grad.shape[-1])
        a_ri, b_or = lora_a.to(grad.dtype), lora_b.to(grad.dtype)
        grad_low_sr = (grad_so @ b_or).mul_(ctx.scaling)
        grad_a = (grad_low_sr.t() @ x_si).to(lora_a.dtype)
        grad_b = (grad_so.t() @ low_sr).to(lora_b.dtype).mul_(ctx.scaling)
        grad_x = None
        if ctx.needs_input_grad[0]:  # not for the first layer: the embedding below it is frozen
            grad_x = (grad_so @ weight).addmm_(grad_low_sr, a_ri).view(*grad.shape[:-1], weight.shape[1])
        return grad_x, None, None, grad_a, grad_b, None
