"""Registry of a run's samplers, one file each: `rollout.sampler` names the one that samples from the policy.

Each file has one function, `open_sampler`, which returns an `engine.sampling.protocol.Sampler`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from engine.config import RunConfig
from engine.config.schema import SamplerName
from engine.policy import Learner
from engine.sampling import Sampler
from engine.train.surroundings import Surroundings

SAMPLERS: Mapping[SamplerName, str] = {
    "transformers": "local",
    "vllm": "vllm",
    "endpoint": "endpoint",
    "engine": "engine",
}
"""Name -> module of this package, imported when chosen: one may need libraries that a machine does not have."""

__all__ = ["SAMPLERS", "Surroundings", "choose_sampler"]


def choose_sampler(
    config: RunConfig, policy: Learner, tokenizer: Any, prompts: Iterable[tuple[int, ...]], surroundings: Surroundings
) -> Sampler:
    """Open the sampler that `config` names. Raises ConfigError and EnvironmentError_.

    prompts: all prompts of the run, for samplers that must know the longest one in advance.
    """
    room = import_module(f"{__name__}.{SAMPLERS[config.rollout.sampler]}")
    sampler: Sampler = room.open_sampler(config, policy, tokenizer, prompts, surroundings)
    return sampler
