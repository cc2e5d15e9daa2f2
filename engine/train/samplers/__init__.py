"""Registry of samplers of a run: `rollout.sampler` names one, a file each, opened around the policy it samples from.

A file has one function, `open_sampler`; what it opens keeps `engine.sampling.protocol.Sampler`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from engine.config import RunConfig
from engine.config.schema import SamplerName
from engine.policy import Policy
from engine.sampling import Sampler
from engine.train.samplers.parts import Surroundings

SAMPLERS: Mapping[SamplerName, str] = {"transformers": "local", "vllm": "vllm", "endpoint": "endpoint"}
"""Name -> file of this room, loaded when it is chosen: one may need what another machine does not have."""

__all__ = ["SAMPLERS", "Surroundings", "choose_sampler"]


def choose_sampler(
    config: RunConfig, policy: Policy, tokenizer: Any, prompts: Iterable[tuple[int, ...]], surroundings: Surroundings
) -> Sampler:
    """Open the sampler that `config` names. Raises ConfigError and EnvironmentError_.

    prompts: all that will be sampled from, for samplers that must know the longest.
    """
    room = import_module(f"{__name__}.{SAMPLERS[config.rollout.sampler]}")
    sampler: Sampler = room.open_sampler(config, policy, tokenizer, prompts, surroundings)
    return sampler
