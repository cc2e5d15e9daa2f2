"""Learner in the engine's own process: the base model, adapters on it, and their optimiser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.machine.resources import source_path
from engine.models import load_base_model
from engine.models.device import default_device
from engine.models.download_progress import OnProgress
from engine.policy import Policy, attach_adapter
from engine.train.surroundings import Surroundings


def open_learner(
    config: RunConfig, surroundings: Surroundings, on_download: OnProgress | None = None
) -> tuple[Policy, Any]:
    """Return the base model with fresh adapters and its optimiser, and the model's tokenizer."""
    return load_policy(config, on_download)


def export(config: RunConfig, checkpoint: Path, target: Path, *, merged: bool) -> None:
    """Write the policy of `checkpoint` into `target`: its adapter, or the whole model."""
    policy, _ = load_policy(config)
    policy.load_state(checkpoint)
    if merged:
        policy.export_merged(target)
    else:
        policy.export_adapter(target)


def load_policy(config: RunConfig, on_download: OnProgress | None = None) -> tuple[Policy, Any]:
    """Return the base model with fresh adapters and its optimiser, and the model's tokenizer.

    on_download: receives the progress if the model has to be downloaded first.
    """
    settings, seed = config.policy, config.run.seed
    base = load_base_model(
        str(source_path(config.model.source)), settings.precision, default_device(), on_progress=on_download
    )
    policy = Policy(
        attach_adapter(base.model, settings.lora_rank, settings.lora_alpha, seed),
        base.tokenizer,
        settings,
        steps=config.run.steps,
        temperature=config.rollout.temperature,
        seed=seed,
    )
    return policy, base.tokenizer
