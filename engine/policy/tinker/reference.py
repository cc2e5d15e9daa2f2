"""Reference of the KL on a Tinker server: the base model's log-probs, in the way that the server has.

A server with room for a second adapter scores with one that is never trained: its B is 0, so it is the base model, in
the trainer's own kernels. A server with one adapter has the base model beside it in its sampler, whose kernels are
others: its k3 estimate does not start at 0, but at about half the squared gap between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import CureError
from engine.policy.tinker.client import TinkerClient
from engine.policy.tinker.datum import Datum, FloatArray


@dataclass(frozen=True)
class Reference:
    """Source of the base model's log-probs. note: a sentence where the KL is not quite the local one; else ""."""

    logprobs: Callable[[Sequence[Datum]], list[FloatArray]]
    note: str = ""


def open_reference(client: TinkerClient, probe: Datum) -> tuple[Reference | None, str]:
    """Return the best reference that the server has, or None with the reason. probe: a short sequence to try it on.

    The policy must exist already: the first model of a client is its policy.
    """
    try:
        model = client.create_model(0)
        client.forward([probe], model)
    except CureError as error:
        refused = error.message
    else:
        return Reference(lambda data: client.forward(data, model)), ""

    def by_sampler(data: Sequence[Datum]) -> list[FloatArray]:
        return [
            client.prompt_logprobs((*each.prompt_ids, *each.answer_ids))[len(each.prompt_ids) - 1 :] for each in data
        ]

    try:
        scored = by_sampler([probe])
    except CureError as error:
        return None, f"{refused}; {error.message}"
    if not np.isfinite(scored[0]).all():
        return None, f"{refused}; the base model's log-probs are not finite"
    return Reference(by_sampler, "the KL is measured by the server's sampler, so it does not start at exactly 0"), ""
