"""Parts shared by the samplers: stop tokens, log-probs of the trainer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.machine.model_folders import json_of
from engine.policy import Learner, Policy, TrainSample
from engine.policy.adapter import base_of
from engine.sampling.stop_tokens import default_eos_ids


def stop_ids(policy: Policy, tokenizer: Any) -> tuple[int, ...]:
    """Return the ids of the tokens that end an answer, sorted."""
    return tuple(sorted(default_eos_ids(base_of(policy.model).generation_config, tokenizer)))


def stop_ids_of(folder: Path, tokenizer: Any) -> tuple[int, ...]:
    """Return the same for a model whose weights are elsewhere, by the files in its folder."""
    settings = json_of(folder / "generation_config.json") or json_of(folder / "config.json")
    return tuple(sorted(default_eos_ids(SimpleNamespace(eos_token_id=settings.get("eos_token_id")), tokenizer)))


def logprobs_of(policy: Learner) -> Callable[[tuple[int, ...], tuple[int, ...]], tuple[float, ...]]:
    """Return the function (prompt ids, token ids) -> the trainer's log-probs, against which samplers are checked."""

    def logprobs(prompt_ids: tuple[int, ...], token_ids: tuple[int, ...]) -> tuple[float, ...]:
        sample = TrainSample(prompt_ids, token_ids, (0.0,) * len(token_ids), advantage=0.0, role="coder")
        return policy.logprobs([sample])[0]

    return logprobs
