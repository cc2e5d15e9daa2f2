"""Sampler for solving with vLLM: a base model, with a run's adapter if there is one, without a trainer beside it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transformers import GenerationConfig

from engine.config import RunConfig
from engine.machine.home import home
from engine.machine.model_folders import ADAPTER_CONFIG_FILE, ADAPTER_FILE
from engine.machine.regular_files import plain_path
from engine.machine.resources import source_path
from engine.models.base_model import FROM_FOLDER, load_model_config
from engine.models.device import default_device, sampling_threads
from engine.models.model_files import locate_model
from engine.models.quiet import quiet_transformers
from engine.runs.checkpoints import Checkpoint
from engine.sampling.stop_tokens import default_eos_ids
from engine.sampling.vllm import VllmSampler, VllmSettings

_PROMPT_ROOM = 8192
"""Tokens reserved for a prompt: its length is unknown when vLLM starts."""


@dataclass(frozen=True)
class StillAdapter:
    """`AdapterSource` that never changes: the adapter of a checkpoint."""

    folder: Path
    weights_version: int = 0

    def export_adapter(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        for name in (ADAPTER_FILE, ADAPTER_CONFIG_FILE):
            with plain_path(self.folder, name) as file:
                shutil.copyfile(file, path / name)


def vllm_sampler(config: RunConfig, tokenizer: Any, checkpoint: Checkpoint | None, longest_answer: int) -> VllmSampler:
    """Create the sampler; vLLM starts with the first request. Raises EnvironmentError_: no model, no vLLM.

    longest_answer: in tokens.
    """
    folder = locate_model(str(source_path(config.model.source)))
    with quiet_transformers():
        model = load_model_config(folder)
        generation = GenerationConfig.from_model_config(model)
        if (folder / "generation_config.json").exists():
            generation = GenerationConfig.from_pretrained(folder, **FROM_FOLDER)
    settings = VllmSettings.of(
        config,
        folder,
        getattr(model, "max_position_embeddings", None),
        longest=_PROMPT_ROOM + longest_answer,
        stop_ids=default_eos_ids(generation, tokenizer),
        device=default_device(),
        threads=sampling_threads(config.rollout.sampling_threads),
    )
    # Capturing graphs takes a minute, more than a few dozen answers gain by it. No trainer needs the GPU: no sleep.
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
