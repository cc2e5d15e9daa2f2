"""Settings of a run as arguments of vLLM."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.config.schema import Device, Dtype, SleepLevel, VllmPrecision

_DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_QUANTISATIONS = {"dtype": None, "nf4": "bitsandbytes", "fp8": "fp8"}
_LARGEST_GRAPH = 256
"""Largest batch for which CUDA graphs are captured: beyond it they cost memory and gain little."""


@dataclass(frozen=True)
class VllmSettings:
    """Settings of the vLLM process, named like the run's settings where those exist.

    model: a folder. stop_ids: tokens that end a completion. max_model_len: prompt and answer, in tokens.
    kv_cache_bytes: None leaves it to vLLM (on a GPU most of what is free; on a CPU 1 GiB). device: of the trainer.
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
    cuda_graphs: bool = True
    sleep_level: SleepLevel = 1
    device: Device = "cpu"
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
            cuda_graphs=config.vllm.cuda_graphs,
            sleep_level=config.vllm.sleep_level,
            device=device,
            threads=threads,
            hang_seconds=config.vllm.hang_seconds,
            restarts=config.vllm.restarts,
        )

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
            "enable_sleep_mode": self.device == "cuda",
            "kv_cache_memory_bytes": self.kv_cache_bytes,
        }
        if self.device == "cpu" and self.kv_cache_bytes is None:
            arguments["kv_cache_memory_bytes"] = 1 << 30
        if self.device == "cuda" and self.cuda_graphs:
            arguments["max_cudagraph_capture_size"] = min(self.max_batch, _LARGEST_GRAPH)
        return arguments
