"""Sequences in the form that the SDK sends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.policy.tinker.datum import Datum


def model_input(types: Any, token_ids: Sequence[int]) -> Any:
    """Return tokens as the SDK's `ModelInput`. types: the SDK's module of types."""
    return types.ModelInput.from_ints(list(map(int, token_ids)))


def training_row(types: Any, datum: Datum, factor: float | None = None) -> Any:
    """Return the SDK's form of a datum; with a factor of its coefficients that of the surrogate, whose ratio is 1.

    All arrays have the length of prompt + answer - 1, and 0 on the prompt: without weights it would count in the mean
    of JAX.
    """
    token_ids = [*datum.prompt_ids, *datum.answer_ids]
    before = len(datum.prompt_ids) - 1

    def placed(values: Any) -> Any:
        return np.concatenate([np.zeros(before, np.float32), np.asarray(values, np.float32)])

    inputs = {
        "target_tokens": np.asarray(token_ids[1:], np.int64),
        "weights": placed(np.ones(len(datum.answer_ids))),
    }
    if factor is not None:
        inputs["logprobs"] = placed(datum.old_logprobs)
        inputs["advantages"] = placed(np.asarray(datum.coefficients, np.float64) * factor)
    return types.Datum(model_input=model_input(types, token_ids[:-1]), loss_fn_inputs=inputs)
