"""Registry of a run's learners, one file each: `policy.engine` names the one that trains the policy.

Each file has two functions: `open_learner` returns an `engine.policy.learner.Learner` and the model's tokenizer,
`export` writes the policy of a checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.config.schema import EngineName
from engine.models.download_progress import OnProgress
from engine.policy import Learner
from engine.train.surroundings import Surroundings

LEARNERS: Mapping[EngineName, str] = {"local": "local", "tinker": "tinker"}
"""Name -> module of this package, imported when chosen: one may need libraries that a machine does not have."""

__all__ = ["LEARNERS", "export_policy", "open_learner"]


def open_learner(
    config: RunConfig, surroundings: Surroundings, on_download: OnProgress | None = None
) -> tuple[Learner, Any]:
    """Open the learner that `config` names, with fresh adapters, and the model's tokenizer. Raises CureError.

    on_download: receives the progress if the model has to be downloaded first.
    """
    opened: tuple[Learner, Any] = _room(config).open_learner(config, surroundings, on_download)
    return opened


def export_policy(config: RunConfig, checkpoint: Path, target: Path, *, merged: bool) -> None:
    """Write the policy of a checkpoint into the folder `target`: its adapter, or the whole model. Raises CureError."""
    _room(config).export(config, checkpoint, target, merged=merged)


def _room(config: RunConfig) -> Any:
    return import_module(f"{__name__}.{LEARNERS[config.policy.engine]}")
