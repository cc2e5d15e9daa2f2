"""Model that a spec names: its configuration and, for a run, the checkpoint; loads nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec

from engine.config import RunConfig
from engine.errors import RunError
from engine.machine.regular_files import user_path
from engine.presets import load_config, load_preset
from engine.runs.checkpoints import Checkpoint, exported_checkpoint
from engine.runs.folder import RunFolder
from engine.runs.listing import find_run
from engine.solve.writers.spec import WriterSpec

_EVALUATION = "evaluation.json"
"""File that an evaluation's folder has and a run's has not."""
_MODEL_PRESET = "qwen2.5-7b"
"""Preset with the prompts, limits and precision for a model that has no preset."""


def named_model(spec: WriterSpec, tell: Callable[[str], None]) -> tuple[RunConfig, Checkpoint | None]:
    """Return configuration and checkpoint of a local spec; `tell` as in `exported_checkpoint`.

    Raises CureError: no such preset or run, or no trained checkpoint that is whole.
    """
    if spec.kind == "run":
        folder = RunFolder.open(find_run(spec.name).path)
        if (folder.path / _EVALUATION).is_file():
            raise RunError(f"{folder.path} is an evaluation, no run", "name a run of `cure-tui runs`")
        return load_config(folder.config), exported_checkpoint(folder.checkpoints, tell)
    if spec.kind == "model":
        place = user_path(spec.name)
        source = str(place.absolute()) if os.path.isdir(place) else spec.name
        settings = [f"model.source={source}", "model.parameters_b=0"]
        if not has_nf4():
            settings += ["policy.precision=bf16", "vllm.precision=dtype"]
        return load_preset(_MODEL_PRESET, settings), None
    return load_preset(spec.name), None


def has_nf4() -> bool:
    """Return whether models can be loaded in 4 bits: otherwise one without a preset is loaded in bf16."""
    return find_spec("bitsandbytes") is not None
