"""Log-probs and entropies of answer tokens, without holding the logits of a whole batch in memory.

The model's body runs once per micro-batch. The output head runs only at positions that predict an answer token, one
tile of tokens x vocabulary at a time, with the softmax's maximum and sums carried from tile to tile (token_scores.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel

from engine.policy.adapter import base_of
from engine.policy.packed.batching import MicroBatch
from engine.policy.packed.token_scores import score_hidden


@dataclass(frozen=True)
class TokenScores:
    """Scores of the answer tokens of a micro-batch, [a], flat, in fp32; only the log-probs carry a gradient."""

    logprobs_a: torch.Tensor
    entropy_a: torch.Tensor  # nats, of the distribution at the scoring temperature


def score_tokens(model: PeftModel, batch: MicroBatch, temperature: float = 1.0) -> TokenScores:
    """Score the answers in `batch` under `model` in its current state (adapters on or off, gradients on or off).

    temperature: the sampler's, because log-probs are comparable only under the same distribution. A top-p below 1 is
    not modelled: the sampler's renormalised log-probs are then above ours, and the importance weights below 1.
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
    logprobs_a, entropy_a = score_hidden(hidden_ah, head.weight, batch.target_ids, temperature)
    return TokenScores(logprobs_a, entropy_a)
