"""The sampler that a configuration names, around the policy it is to sample from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from engine.config import RunConfig
from engine.machine.memory_plan import kv_cache_bytes
from engine.machine.resources import source_path
from engine.models.model_files import locate_model
from engine.policy import Policy, TrainSample
from engine.policy.adapter import base_of
from engine.sampling import Sampler
from engine.sampling.adapters import Canary, agreement_bound
from engine.sampling.stop_tokens import default_eos_ids
from engine.sampling.transformers_sampler import TransformersSampler

if TYPE_CHECKING:
    from engine.sampling.endpoint import EndpointSampler
    from engine.sampling.vllm import VllmSampler


@dataclass(frozen=True)
class Surroundings:
    """What a run has besides its model. scratch: a folder for passing files. log: of the engine and of what it starts.

    on_notice: told, in a sentence, of what a user should know of.
    """

    scratch: Path
    log: Path
    on_notice: Callable[[str], object] = lambda text: None


def choose_sampler(
    config: RunConfig, policy: Policy, tokenizer: Any, prompts: Iterable[tuple[int, ...]], surroundings: Surroundings
) -> Sampler:
    """Raises ConfigError and EnvironmentError_. prompts: all that will be sampled from, for those who must know the
    longest."""
    match config.rollout.sampler:
        case "vllm":
            return _vllm(config, policy, tokenizer, list(prompts), surroundings)
        case "endpoint":
            return _endpoint(config, policy, tokenizer, next(iter(prompts)), surroundings)
        case "transformers":
            return TransformersSampler(
                policy.model, tokenizer, max_batch=config.rollout.max_batch, threads=_sampling_threads()
            )


def _vllm(
    config: RunConfig, policy: Policy, tokenizer: Any, prompts: list[tuple[int, ...]], surroundings: Surroundings
) -> VllmSampler:
    from engine.sampling.vllm import VllmSampler, VllmSettings

    rollout, vllm, base = config.rollout, config.vllm, base_of(policy.model)
    settings = VllmSettings(
        model=locate_model(str(source_path(config.model.source))),
        dtype=config.model.dtype,
        stop_ids=_stop_ids(policy, tokenizer),
        max_model_len=_longest(prompts, config, base.config),
        lora_rank=config.policy.lora_rank,
        precision=vllm.precision,
        max_batch=rollout.max_batch,
        max_batched_tokens=vllm.max_batched_tokens,
        kv_cache_bytes=_kv_cache_bytes(config, base.device),
        cuda_graphs=vllm.cuda_graphs,
        sleep_level=vllm.sleep_level,
        device="cuda" if base.device.type == "cuda" else "cpu",
        threads=_sampling_threads(),
        hang_seconds=vllm.hang_seconds,
        restarts=vllm.restarts,
    )
    held_in = config.model.dtype if vllm.precision == "dtype" else vllm.precision
    return VllmSampler(
        settings,
        policy,
        tokenizer,
        scratch=surroundings.scratch,
        log=surroundings.log,
        canary=Canary(prompts[0], _logprobs_of(policy), agreement_bound(config.policy.precision, held_in)),
        temperature=rollout.temperature,
        on_notice=surroundings.on_notice,
    )


def _endpoint(
    config: RunConfig, policy: Policy, tokenizer: Any, prompt: tuple[int, ...], surroundings: Surroundings
) -> EndpointSampler:
    from engine.sampling.endpoint import EndpointSampler, EndpointSettings, start_command

    def new_canary() -> Canary:
        return Canary(
            prompt,
            _logprobs_of(policy),
            agreement_bound(config.policy.precision, config.model.dtype),
            who="a server of rollout.endpoints",
            remedy=f"serve the run's model, {config.model.source}: {start_command(config.policy.lora_rank)}",
        )

    settings = EndpointSettings(
        urls=config.rollout.endpoints,
        stop_ids=_stop_ids(policy, tokenizer),
        lora_rank=config.policy.lora_rank,
        max_batch=config.rollout.max_batch,
        hang_seconds=config.vllm.hang_seconds,
    )
    return EndpointSampler(
        settings,
        policy,
        tokenizer,
        shared=surroundings.scratch,
        new_canary=new_canary,
        temperature=config.rollout.temperature,
        on_notice=surroundings.on_notice,
    )


def _stop_ids(policy: Policy, tokenizer: Any) -> tuple[int, ...]:
    return tuple(sorted(default_eos_ids(base_of(policy.model).generation_config, tokenizer)))


def _kv_cache_bytes(config: RunConfig, device: torch.device) -> int | None:
    """What is asked for, else on a GPU what the memory plan leaves; None: vLLM sees to it."""
    if config.vllm.kv_cache_gb:
        return round(config.vllm.kv_cache_gb * 2**30)
    if device.type != "cuda":
        return None
    return kv_cache_bytes(config, torch.cuda.get_device_properties(device).total_memory / 2**30)


def _longest(prompts: list[tuple[int, ...]], config: RunConfig, model: Any) -> int:
    """Tokens of the longest prompt and the longest answer: vLLM plans its cache for it. The model's context at most."""
    rollout = config.rollout
    longest = max(map(len, prompts)) + max(rollout.max_new_tokens_coder, rollout.max_new_tokens_tester)
    context = getattr(model, "max_position_embeddings", None)
    return longest if context is None else min(longest, int(context))


def _logprobs_of(policy: Policy) -> Callable[[tuple[int, ...], tuple[int, ...]], tuple[float, ...]]:
    def logprobs(prompt_ids: tuple[int, ...], token_ids: tuple[int, ...]) -> tuple[float, ...]:
        sample = TrainSample(prompt_ids, token_ids, (0.0,) * len(token_ids), advantage=0.0, role="coder")
        return policy.logprobs([sample])[0]

    return logprobs


def _sampling_threads() -> int:
    """The sandbox has the other cores meanwhile."""
    return max(1, torch.get_num_threads() // 2)
