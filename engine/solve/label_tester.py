"""Tester whose tests stand in for hidden ones, `reward.labels = "tester:WHO"`: found and checked before anything loads.

WHO is a writer as of `--tester`: a run, a preset, a model, or a model at a server's address.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.errors import ConfigError, CureError
from engine.machine.home import run_name
from engine.machine.regular_files import user_path
from engine.prompts import PromptStyle
from engine.reward.mode import TESTER_PREFIX
from engine.runs.checkpoints import BEST, exported_checkpoint
from engine.runs.folder import RunFolder
from engine.runs.listing import find_run
from engine.solve.named_model import named_model
from engine.solve.writers.spec import WriterSpec, parse_spec


def tester_of(labels: str) -> WriterSpec | None:
    """Return the tester that `reward.labels` names; None for labels without one. Raises ConfigError."""
    if not labels.startswith(TESTER_PREFIX):
        return None
    try:
        return parse_spec(labels.removeprefix(TESTER_PREFIX))
    except ConfigError as error:
        raise ConfigError(f"reward.labels: {error.message}", error.remedy) from error


def pinned_labels(labels: str, tell: Callable[[str], None]) -> str:
    """Return the labels with the tester's whole name: the step of a run, the absolute path of a folder or a preset.

    A frozen tester is part of what a run is: a resume must not find another one under the name. `tell` receives a
    sentence where a corrupt checkpoint is replaced by another. Raises CureError: no such tester, none trained yet, an
    address without its key, or a server whose model cannot put outputs to the vote.
    """
    spec = tester_of(labels)
    if spec is None:
        return labels
    try:
        return f"{TESTER_PREFIX}{_pinned(spec, tell)}"
    except CureError as error:
        raise type(error)(f"reward.labels = {labels}: {error.message}", error.remedy) from error


def _pinned(spec: WriterSpec, tell: Callable[[str], None]) -> WriterSpec:
    if spec.kind == "openai":
        from engine.solve.writers.endpoints import find_endpoint

        if PromptStyle(find_endpoint(spec.name, spec.url).settings.prompts) is PromptStyle.SHORT:
            raise ConfigError(
                f"{spec} answers single questions only, so that no output can be put to the vote",
                "name the model itself, such as tester:nano, or a chat model",
            )
        return spec
    if spec.kind == "run":
        folder = RunFolder.open(find_run(spec.name).path)
        named_model(spec, lambda text: None)  # refuses an evaluation, and settings that cannot be read
        found = exported_checkpoint(folder.checkpoints, tell, spec.step or BEST, f"tester:run:{spec.name}@0")
        return replace(spec, name=run_name(folder.path), step=str(found.step))
    if spec.kind == "model":
        place = user_path(spec.name)
        if os.path.isdir(place):
            return replace(spec, name=str(place.absolute()))
        if spec.name.startswith((".", "/", "~")):
            raise ConfigError(f"there is no folder {spec.name}", "name the folder of a model, or one on the model hub")
        return spec
    named_model(spec, tell)
    return replace(spec, name=str(Path(spec.name).absolute())) if spec.name.endswith(".toml") else spec
