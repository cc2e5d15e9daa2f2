"""Log-probs and entropies of answer tokens, without ever holding the logits of a whole batch.

The model's body runs once per micro-batch; the output head runs only at positions that predict an answer
token, a chunk of tokens at a time. With z = W h / T the logits of one token y,
    log p(y) = z_y - logsumexp(z)
    d log p(y) / d h = (W_y - sum_v p_v W_v) / T        one vector of the hidden width, known at the forward
                                                        pass
so the forward pass keeps that vector (tokens x hidden) instead of logits (tokens x vocabulary), and the
backward pass is one multiplication. Softmax and entropy are computed in fp32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel

from engine.policy.adapter import base_of
from engine.policy.batching import MicroBatch

CHUNK_ELEMENTS_CPU = 1 << 20  # 4 MB of fp32 logits: stays in a core's share of the cache
CHUNK_ELEMENTS_GPU = 1 << 26  # 256 MB of fp32 logits: 441 tokens of a 152k vocabulary


@dataclass(frozen=True)
class TokenScores:
    """a: answer tokens of a micro-batch, flat. Both fp32; only the log-probs carry a gradient."""

    logprobs_a: torch.Tensor
    entropy_a: torch.Tensor  # nats, of the distribution at the scoring temperature


def score_tokens(model: PeftModel, batch: MicroBatch, temperature: float = 1.0) -> TokenScores:
    """Score the answers in `batch` under `model` as it stands (adapters on or off, gradients on or off).

    `temperature` is the sampler's: log-probs are comparable only under the same distribution. (A top-p below
    1 is not modelled: the sampler's renormalised log-probs then lie above ours and the importance weights
    below 1.)
    """
    causal_model = base_of(model)
    arguments: dict[str, Any] = {"packing": batch.packing} if batch.packing is not None else {}
    hidden_bsh = causal_model.get_decoder()(
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        attention_mask=batch.attention_mask,
        use_cache=False,
        **arguments,
    ).last_hidden_state
    hidden_ah = hidden_bsh.flatten(0, 1).index_select(0, batch.predictor_index)
    head = causal_model.get_output_embeddings()
    logprobs_a, entropy_a = _TokenScores.apply(hidden_ah, head.weight, batch.target_ids, temperature)
    return TokenScores(logprobs_a, entropy_a)


class _TokenScores(torch.autograd.Function):
    """hidden [a, h], weight [v, h] (frozen), target ids [a] -> log-probs [a], entropy [a] (no gradient)."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ah: torch.Tensor,
        weight_vh: torch.Tensor,
        target_ids_a: torch.Tensor,
        temperature: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        wants_gradient = ctx.needs_input_grad[0]
        n_tokens = hidden_ah.shape[0]
        logprobs_a = hidden_ah.new_empty(n_tokens, dtype=torch.float32)
        entropy_a = torch.empty_like(logprobs_a)
        jacobian_ah = torch.empty_like(hidden_ah) if wants_gradient else None
        budget = CHUNK_ELEMENTS_CPU if hidden_ah.device.type == "cpu" else CHUNK_ELEMENTS_GPU
        step = max(1, budget // weight_vh.shape[0])
        for begin in range(0, n_tokens, step):
            chunk = slice(begin, begin + step)
            targets = target_ids_a[chunk]
            logits_av = (hidden_ah[chunk] @ weight_vh.t()).float()
            if temperature != 1.0:
                logits_av.div_(temperature)
            # One pass of exp serves log-prob, entropy and gradient: with e = exp(z - max z) and E = sum e,
            # log p = z - max z - log E and the entropy is log E - sum e (z - max z) / E.
            logits_av.sub_(logits_av.amax(dim=-1, keepdim=True))
            exp_av = logits_av.exp()
            total_a = exp_av.sum(dim=-1)
            log_total_a = total_a.log()
            logprobs_a[chunk] = logits_av.gather(1, targets[:, None])[:, 0] - log_total_a
            if jacobian_ah is not None:
                mean_row_ah = exp_av.to(weight_vh.dtype) @ weight_vh / total_a[:, None].to(weight_vh.dtype)
                torch.sub(weight_vh.index_select(0, targets), mean_row_ah, out=jacobian_ah[chunk])
            entropy_a[chunk] = log_total_a - exp_av.mul_(logits_av).sum(dim=-1) / total_a
        if jacobian_ah is not None and temperature != 1.0:
            jacobian_ah.div_(temperature)
        ctx.save_for_backward(jacobian_ah)
        ctx.mark_non_differentiable(entropy_a)
        return logprobs_a, entropy_a

    @staticmethod
    def backward(ctx: Any, *grad_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (jacobian_ah,) = ctx.saved_tensors
        return jacobian_ah * grad_outputs[0][:, None].to(jacobian_ah.dtype), None, None, None
