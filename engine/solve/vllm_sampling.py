"""Solving with vLLM: a model that nobody trains meanwhile, as it is or with what a run has trained."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers import AutoConfig, GenerationConfig

from engine.config import RunConfig
from engine.machine.home import home
from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE
from engine.machine.resources import source_path
from engine.models.device import default_device, sampling_threads
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
    settings = VllmSettings.of(
        config,
        folder,
        getattr(model, "max_position_embeddings", None),
        longest=_PROMPT_ROOM + longest_answer,
        stop_ids=default_eos_ids(generation, tokenizer),
        device=default_device(),
        threads=sampling_threads(),
    )
    # A few dozen answers do not pay for the minute that capturing graphs takes, and nobody trains beside it.
    settings = replace(settings, cuda_graphs=False, sleep_level=0)
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
