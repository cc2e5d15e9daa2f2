"""One training sequence for a server, and the scale that makes its reduction the sum that our loss is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

ROWS = 16
"""Sequence-mean servers (JAX) compile for each batch size: batches are filled up to a multiple of this."""


class Reduction(StrEnum):
    """Rule by which a server adds up the per-token losses of a batch.

    SUM: over all tokens. SEQUENCE_MEAN: mean over the tokens of each sequence, then over sequences.
    """

    SUM = "sum"
    SEQUENCE_MEAN = "sequence mean"


@dataclass(frozen=True, slots=True)
class Datum:
    """One prompt with its answer.

    old_logprobs: of the answer's tokens under the present weights, as `TinkerClient.forward` returns them.
    coefficients: -dLoss/dlogp of each of them; the gradient of a batch is that of sum -coefficient * logp.
    Both may be empty where only log-probs are wanted.
    """

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]
    old_logprobs: Sequence[float] | FloatArray = ()
    coefficients: Sequence[float] | FloatArray = ()

    def __post_init__(self) -> None:
        if not self.prompt_ids or not self.answer_ids:
            raise ValueError("a datum needs a prompt and an answer")
        for values in (self.old_logprobs, self.coefficients):
            if len(values) not in (0, len(self.answer_ids)):
                raise ValueError(f"{len(values)} values for an answer of {len(self.answer_ids)} tokens")


def filled_up(data: Sequence[Datum], reduction: Reduction | None) -> list[Datum]:
    """Return `data` with datums of coefficient 0 added, to a multiple of ROWS where the server compiles per size."""
    missing = -len(data) % ROWS if reduction is Reduction.SEQUENCE_MEAN else 0
    nothing = Datum(data[0].prompt_ids[:1], data[0].answer_ids[:1], (0.0,), (0.0,))
    return [*data, *[nothing] * missing]


def scales(data: Sequence[Datum], reduction: Reduction) -> list[float]:
    """Return the factor of each datum's coefficients that turns the server's reduction into a sum.

    `data` must be all datums between two optimiser steps, those of `filled_up` included: the mean is over them all.
    """
    if reduction is Reduction.SUM:
        return [1.0] * len(data)
    return [float(len(data) * len(each.answer_ids)) for each in data]
