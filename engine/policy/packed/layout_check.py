"""Check at start-up that packed log-probs are the model's own, on sequences beyond every length that could matter.

If they are not, training falls back, with a note, from flash kernels to tiles, or from packed rows to padded ones. A
wrong mask raises no error and would train on wrong numbers, so every architecture is measured and none is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from peft import PeftModel
from transformers import PretrainedConfig

from engine.errors import EnvironmentError_
from engine.models.faults import first_line
from engine.policy.adapter import base_of
from engine.policy.packed.attention import Kernel, kernels_for
from engine.policy.packed.batching import Layout, MicroBatch, TokenSequence, build_micro_batch
from engine.policy.packed.logprobs import score_tokens

_TOLERANCE = {torch.float32: 1e-3}
_TOLERANCE_HALF = 0.1  # mean absolute difference in nats: two bf16 kernels differ, a wrong mask differs by far more
_COMPARED = 16
"""Last tokens of each answer that are compared: the logits of all would take gigabytes."""
_GRADIENT_TOLERANCE_HALF = 0.05  # of the gradient's norm, for the same reason


@dataclass(frozen=True)
class LayoutChoice:
    """Layout of micro-batches. note: for the user, why it is not the fastest one; empty if it is."""

    layout: Layout
    kernel: Kernel = Kernel.TILES
    note: str = ""


def choose_layout(model: PeftModel, longest: int) -> LayoutChoice:
    """Return the fastest layout that gives the model's own log-probs of sequences of up to `longest` tokens.

    Scores a few synthetic tokens in each layout and by the model's plain forward pass. Raises EnvironmentError_ if even
    padded rows differ, as they do if the model's head is not a plain linear layer, or if the length of one sequence
    changes the positions of another.
    """
    base = base_of(model)
    note, beyond = "", length_to_probe(base.config, longest)
    if kernels_for(base.device, base.dtype)[0] is Kernel.VARLEN:
        fault = _varlen_fault(model, beyond)
        if not fault:
            return LayoutChoice(Layout.SHARED_PROMPT, Kernel.VARLEN)
        note = f"training packed rows without flash kernels: {fault}"
    packed = largest_difference(model, Layout.SHARED_PROMPT, beyond=beyond)
    if packed <= _tolerance(model):
        return LayoutChoice(Layout.SHARED_PROMPT, note=note)
    architecture = base.config.model_type
    padded = largest_difference(model, Layout.PADDED, beyond=beyond)
    if padded <= _tolerance(model):
        note = f"training {architecture} in padded rows: packed log-probs are off by {packed:.2g} nats"
        return LayoutChoice(Layout.PADDED, note=note)
    remedy = "this architecture cannot be trained; choose a Qwen or Llama model"
    if beyond and largest_difference(model, Layout.PADDED) <= _tolerance(model):
        remedy = f"set policy.micro_batch_tokens to at most {beyond}, and shorter answers"
    raise EnvironmentError_(
        f"log-probs of {architecture} are off by {padded:.2g} nats from its own forward pass", remedy
    )


def length_to_probe(config: PretrainedConfig, longest: int) -> int:
    """Return the largest length, up to `longest`, beyond which a model computes otherwise; 0 if there is none.

    Windows and chunks hide what lies further back; dynamic rotary embeddings stretch beyond the original length.
    """
    config = config.get_text_config()
    rotary = getattr(config, "rope_parameters", None) or {}
    by_layer = [rotary, *(each for each in rotary.values() if isinstance(each, dict))]
    lengths = [
        getattr(config, "sliding_window", None),
        getattr(config, "attention_chunk_size", None),
        *(each.get("original_max_position_embeddings") for each in by_layer),
        *(config.max_position_embeddings for each in by_layer if each.get("rope_type") == "dynamic"),
    ]
    return max((length for length in lengths if length and length < longest), default=0)


def largest_difference(model: PeftModel, layout: Layout, kernel: Kernel = Kernel.TILES, *, beyond: int = 0) -> float:
    """Return |log-prob - plain log-prob| in nats over a few tokens: the largest in fp32, else the mean.

    beyond: length that one of the sequences exceeds by half.
    """
    sequences = _made_up_sequences(base_of(model).config.vocab_size, beyond)
    with torch.no_grad():
        ours_a = score_tokens(model, _batch(model, layout, kernel, beyond)).logprobs_a
        by_sequence = ours_a.split([len(sequence.token_ids) for sequence in sequences])
        ours_a = torch.cat([logprobs_a[-_COMPARED:] for logprobs_a in by_sequence])
        plain_a = torch.cat([_plain_logprobs(model, sequence) for sequence in sequences])
    difference_a = (ours_a - plain_a).abs()
    worst = difference_a.max() if base_of(model).dtype == torch.float32 else difference_a.mean()
    # NaN is neither above nor below a tolerance; as inf it fails the check.
    return float(torch.nan_to_num(worst, nan=float("inf")))


def _tolerance(model: PeftModel) -> float:
    return _TOLERANCE.get(base_of(model).dtype, _TOLERANCE_HALF)


def _varlen_fault(model: PeftModel, beyond: int) -> str:
    """Return why the flash kernels cannot be used; empty if their forward and backward pass are right."""
    try:
        difference = largest_difference(model, Layout.SHARED_PROMPT, Kernel.VARLEN, beyond=beyond)
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
    """Return the gradient of the sum of all log-probs to all adapter weights, flat; `.grad` stays untouched."""
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    logprobs_a = score_tokens(model, _batch(model, Layout.SHARED_PROMPT, kernel)).logprobs_a
    return torch.cat([part.flatten() for part in torch.autograd.grad(logprobs_a.sum(), weights)])


def _batch(model: PeftModel, layout: Layout, kernel: Kernel, beyond: int = 0) -> MicroBatch:
    base = base_of(model)
    sequences = _made_up_sequences(base.config.vocab_size, beyond)
    return build_micro_batch(sequences, tuple(range(len(sequences))), layout, base.dtype, base.device, kernel)


def _made_up_sequences(vocabulary: int, beyond: int) -> list[TokenSequence]:
    """Return two prompts with three answers to the first, one of them a single token, and one to the second.

    With `beyond`, a third prompt is half as long again, and so is an answer to it.
    """
    ids = tuple((7919 * i + 11) % vocabulary for i in range(max(40, beyond * 3 // 2 + 1)))
    first, second = ids[:6], ids[3:14]
    long = [TokenSequence(ids[1:], ids[20:29]), TokenSequence(ids[7 : 7 + beyond // 2], ids[2:])] if beyond else []
    return [
        *long,
        TokenSequence(first, ids[20:29]),
        TokenSequence(first, ids[12:13]),
        TokenSequence(second, ids[30:34]),
        TokenSequence(first, ids[8:12]),
    ]


def _plain_logprobs(model: PeftModel, sequence: TokenSequence) -> torch.Tensor:
    base = base_of(model)
    row = torch.tensor([sequence.prompt_ids + sequence.token_ids], device=base.device)
    targets = torch.tensor(sequence.token_ids[-_COMPARED:], device=base.device)
    logits_sv = base(input_ids=row, use_cache=False, logits_to_keep=len(targets) + 1).logits[0, :-1].float()
    return torch.log_softmax(logits_sv, dim=-1).gather(1, targets[:, None])[:, 0]
