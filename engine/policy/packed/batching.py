"""Micro-batches: sequences that go through the model together, and the layout of their tokens.

Two layouts give the same log-probs and gradients (checked by tests/engine/policy/packed/test_batching.py):
    shared_prompt  one flat row without padding; the prompt of a group is computed once for all of its answers.
                   Embedded model (8 groups x 16, prompts ~32, answers ~45): 39 % fewer tokens through the model.
    padded         one row per sequence, right-padded; for architectures that do not pass attention arguments on.
The last token of an answer is predicted but predicts nothing, so it is not fed to the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch

from engine.policy.packed.attention import Kernel, Packing, pack_segments
from engine.policy.packed.segments import Segment


class Layout(StrEnum):
    """Layouts of a micro-batch."""

    SHARED_PROMPT = "shared_prompt"
    PADDED = "padded"


@dataclass(frozen=True)
class TokenSequence:
    """Prompt and one answer to it, neither of them empty."""

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]


@dataclass(frozen=True)
class MicroBatch:
    """Input of one forward pass. b rows, s positions; a: the answers' tokens, flat, one answer after the other."""

    members: tuple[int, ...]  # indices into the planned sequences, in the order of the answer tokens
    input_ids: torch.Tensor  # [b, s] int64 (shared_prompt: b = 1)
    position_ids: torch.Tensor  # [b, s] int64
    predictor_index: torch.Tensor  # [a] int64 into the b * s positions: the one that predicts the token
    target_ids: torch.Tensor  # [a] int64
    packing: Packing | None  # shared_prompt only
    attention_mask: torch.Tensor  # [b, s] of ones (padded): causal; [1, 1, 1, 1] if `packing` replaces it


def plan_micro_batches(
    sequences: Sequence[TokenSequence], token_budget: int, layout: Layout = Layout.SHARED_PROMPT
) -> list[tuple[int, ...]]:
    """Return the indices of `sequences` by micro-batch: at most `token_budget` positions each, longest first.

    Longest first, so that an out-of-memory shows in the first minute. Sequences of one prompt stay together as far as
    the budget allows; a group that must be split is split by length. A sequence longer than the budget gets a
    micro-batch of its own.
    """
    ordered = sorted(range(len(sequences)), key=lambda i: (-positions_alone(sequences[i]), sequences[i].prompt_ids, i))
    if layout is Layout.PADDED:
        return _fill_padded(sequences, ordered, token_budget)
    return _fill_shared(sequences, ordered, token_budget)


def positions_alone(sequence: TokenSequence) -> int:
    """Count the positions that the model computes for the sequence alone."""
    return len(sequence.prompt_ids) + len(sequence.token_ids) - 1


def _fill_padded(
    sequences: Sequence[TokenSequence], ordered: Sequence[int], token_budget: int
) -> list[tuple[int, ...]]:
    batches: list[list[int]] = []
    for i in ordered:
        longest = positions_alone(sequences[batches[-1][0]]) if batches else 0
        if batches and (len(batches[-1]) + 1) * longest <= token_budget:
            batches[-1].append(i)
        else:
            batches.append([i])
    return [tuple(batch) for batch in batches]


def _fill_shared(
    sequences: Sequence[TokenSequence], ordered: Sequence[int], token_budget: int
) -> list[tuple[int, ...]]:
    groups: dict[tuple[int, ...], list[int]] = {}  # in order of each group's longest sequence
    for i in ordered:
        groups.setdefault(sequences[i].prompt_ids, []).append(i)
    batches: list[list[int]] = []
    room = 0
    for prompt_ids, members in groups.items():
        whole = len(prompt_ids) + sum(len(sequences[i].token_ids) - 1 for i in members)
        if batches and room < whole <= token_budget:
            room = -1  # start a new micro-batch: a split group would compute its prompt twice
        opened = False
        for i in members:
            cost = len(sequences[i].token_ids) - 1 + (0 if opened else len(prompt_ids))
            if not batches or cost > room:
                batches.append([])
                room, cost = token_budget, positions_alone(sequences[i])
            batches[-1].append(i)
            room, opened = room - cost, True
    return [tuple(batch) for batch in batches]


def build_micro_batch(
    sequences: Sequence[TokenSequence],
    members: tuple[int, ...],
    layout: Layout = Layout.SHARED_PROMPT,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
    kernel: Kernel = Kernel.TILES,
) -> MicroBatch:
    """Return the tensors of one planned micro-batch on `device`.

    dtype: the type that the model computes in; attention masks need it. kernel: prepares the packing of a flat row.
    """
    place = device if device is not None else torch.device("cpu")
    if layout is Layout.PADDED:
        return _build_padded(sequences, members, place)
    return _build_shared(sequences, members, dtype, place, kernel)


def _build_shared(
    sequences: Sequence[TokenSequence],
    members: tuple[int, ...],
    dtype: torch.dtype,
    device: torch.device,
    kernel: Kernel,
) -> MicroBatch:
    input_ids: list[int] = []
    position_ids: list[int] = []
    predictor_index: list[int] = []
    target_ids: list[int] = []
    segments: list[Segment] = []
    prompt_starts: dict[tuple[int, ...], int] = {}
    for i in members:
        prompt_ids, token_ids = sequences[i].prompt_ids, sequences[i].token_ids
        if prompt_ids not in prompt_starts:
            prompt_starts[prompt_ids] = len(input_ids)
            segments.append(Segment(len(input_ids), len(prompt_ids)))
            input_ids += prompt_ids
            position_ids += range(len(prompt_ids))
        prompt_start, start, fed = prompt_starts[prompt_ids], len(input_ids), token_ids[:-1]
        if fed:
            segments.append(Segment(start, len(fed), prompt_start, len(prompt_ids)))
            input_ids += fed
            position_ids += range(len(prompt_ids), len(prompt_ids) + len(fed))
        predictor_index += [prompt_start + len(prompt_ids) - 1, *range(start, start + len(fed))]
        target_ids += token_ids
    return MicroBatch(
        members=members,
        input_ids=torch.tensor([input_ids], device=device),
        position_ids=torch.tensor([position_ids], device=device),
        predictor_index=torch.tensor(predictor_index, device=device),
        target_ids=torch.tensor(target_ids, device=device),
        packing=pack_segments(segments, len(input_ids), dtype, device, kernel),
        # transformers uses a four-dimensional mask as it is; without one, it would build one of s x s.
        attention_mask=torch.zeros(1, 1, 1, 1, device=device),
    )


def _build_padded(sequences: Sequence[TokenSequence], members: tuple[int, ...], device: torch.device) -> MicroBatch:
    rows = [sequences[i].prompt_ids + sequences[i].token_ids[:-1] for i in members]
    width = max(len(row) for row in rows)
    input_ids = torch.zeros(len(rows), width, dtype=torch.long)
    predictor_index: list[int] = []
    target_ids: list[int] = []
    for b, (i, row) in enumerate(zip(members, rows, strict=True)):
        input_ids[b, : len(row)] = torch.tensor(row)
        first = b * width + len(sequences[i].prompt_ids) - 1
        predictor_index += range(first, first + len(sequences[i].token_ids))
        target_ids += sequences[i].token_ids
    return MicroBatch(
        members=members,
        input_ids=input_ids.to(device),
        position_ids=torch.arange(width, device=device).expand(len(rows), -1),
        predictor_index=torch.tensor(predictor_index, device=device),
        target_ids=torch.tensor(target_ids, device=device),
        packing=None,
        # Padding is on the right, where no causal query of a real token looks: no mask is needed to hide it.
        attention_mask=torch.ones(len(rows), width, dtype=torch.long, device=device),
    )
