"""Sampler on the server of engine tinker, which holds the weights that are trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.config import RunConfig
from engine.errors import ConfigError
from engine.machine.resources import source_path
from engine.models.model_files import locate_description
from engine.policy.tinker.learner import TinkerLearner
from engine.policy.tinker.sampler import TinkerSampler
from engine.sampling.adapters import agreement_bound
from engine.train.samplers.parts import stop_ids_of
from engine.train.surroundings import Surroundings


def open_sampler(
    config: RunConfig,
    policy: TinkerLearner,
    tokenizer: Any,
    prompts: Iterable[tuple[int, ...]],
    surroundings: Surroundings,
) -> TinkerSampler:
    """Return a sampler of the learner's weights; a canary checks after every update that it has them.

    Raises ConfigError: the longest prompt and answer do not fit into the model's context; the server would sample on.
    """
    every_prompt = list(prompts)
    rollout, limit = config.rollout, policy.client.context_length
    longest = max(map(len, every_prompt)) + max(rollout.max_new_tokens_coder, rollout.max_new_tokens_tester)
    if limit is not None and longest > limit:
        raise ConfigError(
            f"the longest prompt and answer take {longest} tokens, and the model's context has {limit}",
            "lower rollout.max_new_tokens_coder and _tester, or leave out the tasks with the longest statements",
        )
    return TinkerSampler(
        policy,
        tokenizer,
        stop_ids=stop_ids_of(locate_description(str(source_path(config.model.source))), tokenizer),
        canary_prompt=every_prompt[0],
        agreement=agreement_bound(config.model.dtype, config.model.dtype),
    )
