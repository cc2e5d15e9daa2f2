"""Settings of a run as arguments of vLLM."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.config.schema import Device, Dtype, KvCacheDtype, ModelRunner, SleepLevel, VllmPrecision
from engine.machine.cards import Gpu

_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_QUANTISATIONS = {"dtype": None, "nf4": "bitsandbytes", "fp8": "fp8"}
FP32_HEAD = {"head_dtype": "float32"}
"""Override of the model's configuration with which vLLM computes logits in fp32, as the trainer does. In bf16 they are
rounded to 8 bits, which no importance weight can undo; fp32 needs no copy of the head's weights on a GPU."""
_CACHE_STEP, _LEAST_CACHE = 1 << 30, 1 << 28
_LARGEST_GRAPH = 256
"""Largest batch for which CUDA graphs are captured: beyond it they cost memory and gain little."""


@dataclass(frozen=True)
class VllmSettings:
    """Settings of the vLLM process, named like the run's settings where those exist.

    model: a folder. stop_ids: tokens that end a completion. max_model_len: prompt and answer, in tokens.
    kv_cache_bytes: None leaves it to vLLM (on a GPU most of what is free; on a CPU 1 GiB). cache_is_planned: that size
    is an estimate of what fits, not the user's choice. device: of vLLM's kind, cuda or cpu; card: which one, None for
    CUDA's choice; shares_card: the trainer is on it, so vLLM must sleep during an update.
    threads: CPU threads; ignored on a GPU. hang_seconds: vLLM counts as hung when it sends nothing for so long.
    """

    model: Path
    dtype: Dtype
    stop_ids: tuple[int, ...]
    max_model_len: int
    lora_rank: int
    precision: VllmPrecision = "dtype"
    max_batch: int = 256
    max_batched_tokens: int = 8192
    kv_cache_bytes: int | None = None
    cache_is_planned: bool = False
    kv_cache_dtype: KvCacheDtype = "auto"
    cuda_graphs: bool = True
    sleep_level: SleepLevel = 1
    model_runner: ModelRunner = "auto"
    device: Device = "cpu"
    card: Gpu | None = None
    shares_card: bool = True
    threads: int | None = None
    hang_seconds: float = 300.0
    restarts: int = 3
    stream_every: int = 8

    @classmethod
    def of(
        cls,
        config: RunConfig,
        model: Path,
        context: int | None,
        *,
        longest: int,
        stop_ids: Iterable[int],
        device: Device,
        threads: int,
        kv_cache_bytes: int | None = None,
        card: Gpu | None = None,
    ) -> VllmSettings:
        """Take a run's numbers from `config` for the model in the folder `model`.

        context: tokens that the model reads at most, None where it does not say. longest: tokens of the longest prompt
        and answer together, as vLLM plans its cache for it.
        """
        return cls(
            model=model,
            dtype=config.model.dtype,
            stop_ids=tuple(sorted(stop_ids)),
            max_model_len=longest if context is None else min(longest, context),
            lora_rank=config.policy.lora_rank,
            precision=config.vllm.precision,
            max_batch=config.rollout.max_batch,
            max_batched_tokens=config.vllm.max_batched_tokens,
            kv_cache_bytes=kv_cache_bytes,
            cache_is_planned=not config.vllm.kv_cache_gb,
            kv_cache_dtype=config.vllm.kv_cache_dtype,
            cuda_graphs=config.vllm.cuda_graphs,
            sleep_level=config.vllm.sleep_level,
            model_runner=config.vllm.model_runner,
            device=device,
            card=card,
            shares_card=config.vllm.device == "same",
            threads=threads,
            hang_seconds=config.vllm.hang_seconds,
            restarts=config.vllm.restarts,
        )

    @property
    def sleeps(self) -> bool:
        """True if vLLM releases GPU memory for the trainer's update."""
        return self.device == "cuda" and self.shares_card

    def with_smaller_cache(self) -> VllmSettings | None:
        """Return settings with a KV cache 1 GiB smaller; None if its size was not planned, or little would be left."""
        left = (self.kv_cache_bytes or 0) - _CACHE_STEP
        return replace(self, kv_cache_bytes=left) if self.cache_is_planned and left >= _LEAST_CACHE else None

    def engine_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `vllm.EngineArgs`."""
        arguments: dict[str, Any] = {
            "model": str(self.model),
            "skip_tokenizer_init": True,  # token ids in, token ids out
            "dtype": _DTYPES[self.dtype],
            "quantization": _QUANTISATIONS[self.precision],
            "max_model_len": self.max_model_len,
            "max_num_seqs": self.max_batch,
            "max_num_batched_tokens": max(self.max_batched_tokens, self.max_batch),
            "enforce_eager": not self.cuda_graphs,
            "enable_lora": True,
            "max_lora_rank": self.lora_rank,
            "max_loras": 1,
            "enable_prefix_caching": True,  # a group's samples share their prompt
            "logprobs_mode": "processed_logprobs",  # of the distribution drawn from
            "stream_interval": self.stream_every,  # an object per token and step costs a small model 5 % or more
            "generation_config": "vllm",  # ignore the model's own sampling defaults
            "seed": 0,
            "disable_log_stats": True,
            "use_tqdm_on_load": False,
            "enable_sleep_mode": self.sleeps,
            "kv_cache_memory_bytes": self.kv_cache_bytes,
            "kv_cache_dtype": self.kv_cache_dtype,
        }
        if self.dtype != "fp32":
            arguments["hf_overrides"] = FP32_HEAD
        if self.device == "cpu" and self.kv_cache_bytes is None:
            arguments["kv_cache_memory_bytes"] = 1 << 30
        if self.device == "cuda" and self.cuda_graphs:
            arguments["max_cudagraph_capture_size"] = min(self.max_batch, _LARGEST_GRAPH)
        return arguments
