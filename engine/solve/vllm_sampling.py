"""Solving with vLLM: a model that nobody trains meanwhile, as it is or with what a run has trained."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, GenerationConfig

from engine.config import RunConfig
from engine.machine.home import home
from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE
from engine.machine.resources import source_path
from engine.models.model_files import locate_model
from engine.models.quiet import quiet_transformers
from engine.runs.checkpoints import Checkpoint
from engine.sampling.stop_tokens import default_eos_ids
from engine.sampling.vllm import VllmSampler, VllmSettings

_PROMPT_ROOM = 8192
"""Tokens that a statement may take: it is not known yet when vLLM is started."""


@dataclass(frozen=True)
class StillAdapter:
    """An `AdapterSource` that never moves: the adapter of a checkpoint."""

    folder: Path
    weights_version: int = 0

    def export_adapter(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        for name in (ADAPTER_FILE, ADAPTER_CONFIG_FILE):
            shutil.copy(self.folder / name, path / name)


def vllm_sampler(config: RunConfig, tokenizer: Any, checkpoint: Checkpoint | None, longest_answer: int) -> VllmSampler:
    """`longest_answer` in tokens. vLLM starts with the first question. Raises EnvironmentError_: no model, no vLLM."""
    folder = locate_model(str(source_path(config.model.source)))
    with quiet_transformers():
        model = AutoConfig.from_pretrained(folder)
        generation = GenerationConfig.from_model_config(model)
        if (folder / "generation_config.json").exists():
            generation = GenerationConfig.from_pretrained(folder)
    on_gpu = torch.cuda.is_available()
    context = getattr(model, "max_position_embeddings", None) or _PROMPT_ROOM + longest_answer
    settings = VllmSettings(
        model=folder,
        dtype=config.model.dtype,
        stop_ids=tuple(sorted(default_eos_ids(generation, tokenizer))),
        max_model_len=min(_PROMPT_ROOM + longest_answer, context),
        lora_rank=config.policy.lora_rank,
        precision=config.vllm.precision,
        max_batch=config.rollout.max_batch,
        max_batched_tokens=config.vllm.max_batched_tokens,
        # A few dozen answers do not pay for the minute that capturing graphs takes, and nobody trains beside it.
        cuda_graphs=False,
        sleep_level=0,
        device="cuda" if on_gpu else "cpu",
        threads=max(1, torch.get_num_threads() // 2),
        hang_seconds=config.vllm.hang_seconds,
        restarts=config.vllm.restarts,
    )
    logs = home()
    logs.mkdir(parents=True, exist_ok=True)
    return VllmSampler(
        settings,
        None if checkpoint is None else StillAdapter(checkpoint.path),
        tokenizer,
        scratch=logs,
        log=logs / "vllm-of-solve.log",
        canary=None,
    )
