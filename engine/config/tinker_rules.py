"""Rules on `policy.engine = "tinker"`: what a server cannot do, or would do otherwise than asked without saying so.

Servers honour different parts of a request (clipping, weight decay, temperature, LoRA's alpha). A setting that one of
them would ignore is refused here, where it can still be changed.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.config.conflict import Conflict
from engine.config.schema import RunConfig


def _trains_elsewhere(config: RunConfig) -> bool:
    return config.policy.engine == "tinker"


def tinker_has_an_address(config: RunConfig) -> Conflict | None:
    if not _trains_elsewhere(config) or config.policy.url:
        return None
    return Conflict(
        "policy.url",
        "engine tinker has no server to train on",
        'set policy.url = "http://127.0.0.1:8000", or policy.engine = "local"',
    )


def engine_samples_where_it_trains(config: RunConfig) -> Conflict | None:
    """Require the sampler `engine` with engine tinker, and only with it: no other sampler is given the weights."""
    sampler = config.rollout.sampler
    if _trains_elsewhere(config) == (sampler == "engine"):
        return None
    if _trains_elsewhere(config):
        return Conflict(
            "rollout.sampler",
            f"the weights of engine tinker are on its server, and sampler {sampler} has no copy of them",
            'set rollout.sampler = "engine", or policy.engine = "local"',
        )
    return Conflict(
        "rollout.sampler",
        "sampler engine samples on the server of engine tinker, and this run trains here",
        'set rollout.sampler = "transformers", or policy.engine = "tinker"',
    )


def tinker_samples_unfiltered(config: RunConfig) -> Conflict | None:
    """Require temperature 1 and top_p 1 in training: a server returns raw log-probs, whatever it sampled from."""
    rollout = config.rollout
    for key, value in (("temperature", rollout.temperature), ("top_p", rollout.top_p)):
        if _trains_elsewhere(config) and value != 1.0:
            return Conflict(
                f"rollout.{key}",
                f"a tinker server returns log-probs at {key} 1, not at {value:g}: importance weights would be wrong",
                f'set rollout.{key} = 1.0, or policy.engine = "local"',
            )
    return None


def tinker_decays_no_weights(config: RunConfig) -> Conflict | None:
    """Refuse weight decay: it would shrink the adapters of other users, too, or be the server's own."""
    if not _trains_elsewhere(config) or config.policy.weight_decay == 0.0:
        return None
    return Conflict(
        "policy.weight_decay",
        "a tinker server applies its own weight decay, or one request's to the adapters of all users",
        'set policy.weight_decay = 0.0, or policy.engine = "local"',
    )


def tinker_keeps_plain_moments(config: RunConfig) -> Conflict | None:
    if not _trains_elsewhere(config) or config.policy.optimiser == "adamw":
        return None
    return Conflict(
        "policy.optimiser",
        f"a tinker server has no optimiser {config.policy.optimiser}",
        'set policy.optimiser = "adamw", or policy.engine = "local"',
    )


def tinker_scales_adapters_by_its_alpha(config: RunConfig) -> Conflict | None:
    """Require the server's alpha: it cannot be asked for, and exported adapters are scaled by it."""
    policy = config.policy
    if not _trains_elsewhere(config) or policy.lora_alpha == policy.server_alpha:
        return None
    return Conflict(
        "policy.lora_alpha",
        f"the server scales adapters by its alpha, {policy.server_alpha:g}, not {policy.lora_alpha:g}",
        f"set policy.lora_alpha = {policy.server_alpha:g}; only if the server was started with another alpha, "
        "set policy.server_alpha to it",
    )


def tinker_starts_from_the_base(config: RunConfig) -> Conflict | None:
    """Refuse another run's adapter: a server loads no adapter in peft's format."""
    if not _trains_elsewhere(config) or not config.start:
        return None
    return Conflict(
        "start",
        "a tinker server cannot load the adapter of another run",
        'start without --from, or set policy.engine = "local"',
    )


TINKER_RULES: tuple[Callable[[RunConfig], Conflict | None], ...] = (
    tinker_has_an_address,
    engine_samples_where_it_trains,
    tinker_samples_unfiltered,
    tinker_decays_no_weights,
    tinker_keeps_plain_moments,
    tinker_scales_adapters_by_its_alpha,
    tinker_starts_from_the_base,
)
