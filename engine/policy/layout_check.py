"""Checks at start-up that packed log-probs are the model's own, and falls back to padding, with a note, where
not."""

from __future__ import annotations

import torch
from peft import PeftModel

from engine.errors import EnvironmentError_
from engine.policy.adapter import base_of
from engine.policy.batching import Layout, TokenSequence, build_micro_batch
from engine.policy.logprobs import score_tokens

_TOLERANCE = {torch.float32: 1e-3}
_TOLERANCE_HALF = 0.1  # mean absolute difference in nats: two bf16 kernels differ, a wrong mask differs by far more


def choose_layout(model: PeftModel) -> tuple[Layout, str]:
    """The layout to train with, and a note for the user where it is not the fast one (else empty).

    Scores a few made-up tokens in either layout and by the model's plain forward pass.
    Raises EnvironmentError_ where even padded rows differ: the model's head is not a plain linear layer.
    """
    packed = largest_difference(model, Layout.SHARED_PROMPT)
    tolerance = _TOLERANCE.get(base_of(model).dtype, _TOLERANCE_HALF)
    if packed <= tolerance:
        return Layout.SHARED_PROMPT, ""
    architecture = base_of(model).config.model_type
    padded = largest_difference(model, Layout.PADDED)
    if padded <= tolerance:
        note = f"{architecture} is trained in padded rows: packed log-probs are off by {packed:.2g} nats"
        return Layout.PADDED, note
    raise EnvironmentError_(
        f"log-probs of {architecture} are off by {padded:.2g} nats from its own forward pass",
        "this architecture cannot be trained; choose a Qwen or Llama model",
    )


def largest_difference(model: PeftModel, layout: Layout) -> float:
    """|log-prob - plain log-prob| in nats over a few tokens: the largest in fp32, the mean in lower precision."""
    sequences = _made_up_sequences(base_of(model).config.vocab_size)
    base = base_of(model)
    batch = build_micro_batch(sequences, tuple(range(len(sequences))), layout, base.dtype, base.device)
    with torch.no_grad():
        ours_a = score_tokens(model, batch).logprobs_a
        plain_a = torch.cat([_plain_logprobs(model, sequence) for sequence in sequences])
    difference_a = (ours_a - plain_a).abs()
    worst = difference_a.max() if base.dtype == torch.float32 else difference_a.mean()
    # NaN compares false with any tolerance; make it the failure it is.
    return float(torch.nan_to_num(worst, nan=float("inf")))


def _made_up_sequences(vocabulary: int) -> list[TokenSequence]:
    """Two prompts; three answers to the first, of which one is a single token, and one to the second."""
    ids = tuple((7919 * i + 11) % vocabulary for i in range(40))
    first, second = ids[:6], ids[3:14]
    return [
        TokenSequence(first, ids[20:29]),
        TokenSequence(first, ids[12:13]),
        TokenSequence(second, ids[30:34]),
        TokenSequence(first, ids[8:12]),
    ]


def _plain_logprobs(model: PeftModel, sequence: TokenSequence) -> torch.Tensor:
    base = base_of(model)
    row = torch.tensor([sequence.prompt_ids + sequence.token_ids], device=base.device)
    first = len(sequence.prompt_ids) - 1
    logits_sv = base(input_ids=row, use_cache=False).logits[0, first:-1].float()
    targets = torch.tensor(sequence.token_ids, device=base.device)
    return torch.log_softmax(logits_sv, dim=-1).gather(1, targets[:, None])[:, 0]
