"""Checks at start-up that packed log-probs are the model's own, and falls back, with a note, where they are not:
from flash kernels to tiles, from packed rows to padded ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from peft import PeftModel

from engine.errors import EnvironmentError_
from engine.models.faults import first_line
from engine.policy.adapter import base_of
from engine.policy.packed.attention import Kernel, kernels_for
from engine.policy.packed.batching import Layout, MicroBatch, TokenSequence, build_micro_batch
from engine.policy.packed.logprobs import score_tokens

_TOLERANCE = {torch.float32: 1e-3}
_TOLERANCE_HALF = 0.1  # mean absolute difference in nats: two bf16 kernels differ, a wrong mask differs by far more
_GRADIENT_TOLERANCE_HALF = 0.05  # of the gradient's norm: likewise


@dataclass(frozen=True)
class LayoutChoice:
    """How micro-batches are laid out; `note` tells the user where it is not the fastest way (else empty)."""

    layout: Layout
    kernel: Kernel = Kernel.TILES
    note: str = ""


def choose_layout(model: PeftModel) -> LayoutChoice:
    """The fastest layout that gives the model's own log-probs.

    Scores a few made-up tokens in either layout and by the model's plain forward pass.
    Raises EnvironmentError_ where even padded rows differ: the model's head is not a plain linear layer.
    """
    base = base_of(model)
    note = ""
    if kernels_for(base.device, base.dtype)[0] is Kernel.VARLEN:
        fault = _varlen_fault(model)
        if not fault:
            return LayoutChoice(Layout.SHARED_PROMPT, Kernel.VARLEN)
        note = f"packed rows are trained without the flash kernels for them: {fault}"
    packed = largest_difference(model, Layout.SHARED_PROMPT)
    if packed <= _tolerance(model):
        return LayoutChoice(Layout.SHARED_PROMPT, note=note)
    architecture = base.config.model_type
    padded = largest_difference(model, Layout.PADDED)
    if padded <= _tolerance(model):
        note = f"{architecture} is trained in padded rows: packed log-probs are off by {packed:.2g} nats"
        return LayoutChoice(Layout.PADDED, note=note)
    raise EnvironmentError_(
        f"log-probs of {architecture} are off by {padded:.2g} nats from its own forward pass",
        "this architecture cannot be trained; choose a Qwen or Llama model",
    )


def largest_difference(model: PeftModel, layout: Layout, kernel: Kernel = Kernel.TILES) -> float:
    """|log-prob - plain log-prob| in nats over a few tokens: the largest in fp32, the mean in lower precision."""
    sequences = _made_up_sequences(base_of(model).config.vocab_size)
    with torch.no_grad():
        ours_a = score_tokens(model, _batch(model, layout, kernel)).logprobs_a
        plain_a = torch.cat([_plain_logprobs(model, sequence) for sequence in sequences])
    difference_a = (ours_a - plain_a).abs()
    worst = difference_a.max() if base_of(model).dtype == torch.float32 else difference_a.mean()
    # NaN compares false with any tolerance; make it the failure it is.
    return float(torch.nan_to_num(worst, nan=float("inf")))


def _tolerance(model: PeftModel) -> float:
    return _TOLERANCE.get(base_of(model).dtype, _TOLERANCE_HALF)


def _varlen_fault(model: PeftModel) -> str:
    """Why the flash kernels are of no use here; empty where forward and backward pass are as they should be."""
    try:
        difference = largest_difference(model, Layout.SHARED_PROMPT, Kernel.VARLEN)
        if difference > _tolerance(model):
            return f"log-probs are off by {difference:.2g} nats"
        ours, theirs = (_gradient(model, kernel) for kernel in (Kernel.VARLEN, Kernel.TILES))
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:  # a kernel that was not built for this GPU or this head width
        return first_line(error)
    share = float((ours - theirs).norm() / theirs.norm())
    return "" if share <= _GRADIENT_TOLERANCE_HALF else f"gradients are off by {share:.0%}"


def _gradient(model: PeftModel, kernel: Kernel) -> torch.Tensor:
    """Of the sum of all log-probs, to every adapter weight, end to end; leaves none behind."""
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    logprobs_a = score_tokens(model, _batch(model, Layout.SHARED_PROMPT, kernel)).logprobs_a
    return torch.cat([part.flatten() for part in torch.autograd.grad(logprobs_a.sum(), weights)])


def _batch(model: PeftModel, layout: Layout, kernel: Kernel) -> MicroBatch:
    base = base_of(model)
    sequences = _made_up_sequences(base.config.vocab_size)
    return build_micro_batch(sequences, tuple(range(len(sequences))), layout, base.dtype, base.device, kernel)


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
