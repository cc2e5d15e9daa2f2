"""Stop tokens of a model, the same for every sampler."""

from __future__ import annotations

from typing import Any, Protocol


class HasEos(Protocol):
    eos_token_id: int | None


def default_eos_ids(generation_config: Any, tokenizer: HasEos) -> set[int]:
    """Return the tokenizer's end token together with those of a transformers generation config."""
    eos_ids = set() if tokenizer.eos_token_id is None else {tokenizer.eos_token_id}
    configured = getattr(generation_config, "eos_token_id", None)
    if isinstance(configured, int):
        eos_ids.add(configured)
    elif configured is not None:
        eos_ids.update(configured)
    return eos_ids
