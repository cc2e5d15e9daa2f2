"""Model that a spec names: its configuration and, for a run, the checkpoint; loads nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec

from engine.config import RunConfig
from engine.errors import RunError
from engine.machine.model_folders import model_folder
from engine.machine.model_limits import longest_answer
from engine.machine.regular_files import user_path
from engine.presets import load_config, load_preset
from engine.runs.checkpoints import BEST, Checkpoint, exported_checkpoint
from engine.runs.folder import RunFolder
from engine.runs.listing import find_run
from engine.solve.writers.spec import WriterSpec

_EVALUATION = "evaluation.json"
"""File that an evaluation's folder has and a run's has not."""
_MODEL_PRESET = "qwen2.5-7b"
"""Preset with the prompts and the precision for a model that has no preset."""
_MICRO_BATCH_TOKENS = 8192


def named_model(spec: WriterSpec, tell: Callable[[str], None]) -> tuple[RunConfig, Checkpoint | None]:
    """Return configuration and checkpoint of a local spec; `tell` as in `exported_checkpoint`.

    Raises CureError: no such preset or run, or no trained checkpoint that is whole.
    """
    if spec.kind == "run":
        folder = RunFolder.open(find_run(spec.name).path)
        if (folder.path / _EVALUATION).is_file():
            raise RunError(f"{folder.path} is an evaluation, no run", "name a run of `cure-tui runs`")
        checkpoint = exported_checkpoint(folder.checkpoints, tell, spec.step or BEST, f"run:{spec.name}@0")
        return load_config(folder.config), checkpoint
    if spec.kind == "model":
        place = user_path(spec.name)
        source = str(place.absolute()) if os.path.isdir(place) else spec.name
        longest = longest_answer(model_folder(source))
        settings = [f"model.source={source}", "model.parameters_b=0"]
        # No rule of training holds here: the micro-batches only have to hold an answer.
        settings += [f"rollout.max_new_tokens_{role}={longest}" for role in ("coder", "tester")]
        settings += [f"policy.micro_batch_tokens={max(longest, _MICRO_BATCH_TOKENS)}"]
        if not has_nf4():
            settings += ["policy.precision=bf16", "vllm.precision=dtype"]
        return load_preset(_MODEL_PRESET, settings), None
    return load_preset(spec.name), None


def has_nf4() -> bool:
    """Return whether models can be loaded in 4 bits: otherwise one without a preset is loaded in bf16."""
    return find_spec("bitsandbytes") is not None
