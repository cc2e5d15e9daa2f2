"""Name and identity of a kept process: what it is asked to load, and what that was when it was loaded.

A solve that asks for the same finds the process by its name. If a part of the identity has changed since, such as the
run's best checkpoint, the process is of no use any more.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import engine
from engine.machine.home import run_name
from engine.machine.model_folders import model_folder
from engine.machine.probe import LIBRARIES, library_version
from engine.machine.regular_files import user_path
from engine.runs.listing import find_run
from engine.solve.named_model import named_model
from engine.solve.writers.spec import WriterSpec

Identity = dict[str, str]
"""Parts by their names, as a user reads them: "the settings of preset:nano"."""

_LOADING_VARIABLES = ("CUDA_", "CURE_TUI_", "HF_", "MKL_", "OMP_", "PYTORCH_", "TORCH", "TRANSFORMERS_", "VLLM_")


def absolute_spec(spec: WriterSpec) -> WriterSpec:
    """Return the spec by which any folder's user means the same: absolute paths, whole names of runs.

    Raises RunError if there is no such run.
    """
    if spec.kind == "run":
        return replace(spec, name=run_name(find_run(spec.name).path))
    path = user_path(spec.name)
    is_path = os.path.isdir(path) if spec.kind == "model" else spec.name.endswith(".toml")
    return replace(spec, name=os.path.abspath(path)) if is_path and spec.kind != "openai" else spec


def name_of(specs: Sequence[WriterSpec], max_tokens: int | None, environment: Mapping[str, str]) -> str:
    """Return the name of the process that holds the models of `specs` on this host.

    max_tokens: vLLM reserves its cache for answers of that length.
    """
    asked = {
        "host": socket.gethostname(),
        "specs": sorted(map(str, specs)),
        "max_tokens": max_tokens if find_spec("vllm") else None,
        "environment": {name: environment[name] for name in sorted(environment) if name.startswith(_LOADING_VARIABLES)},
    }
    return _digest(asked)[:16]


def identity_of(specs: Sequence[WriterSpec]) -> Identity:
    """Return the present identity of the models of `specs`, reading no weights. Raises CureError as `named_model`."""
    identity = {
        "the version of cure-tui": _digest([sys.executable, _stamps(Path(engine.__file__).parent, "**/*.py")]),
        "the installed libraries": _digest([library_version(name) for name in LIBRARIES]),
    }
    for spec in specs:
        config, checkpoint = named_model(spec, lambda text: None)
        folder = model_folder(config.model.source)
        identity[f"the settings of {spec}"] = _digest(config.model_dump(mode="json"))
        identity[f"the files of {spec}"] = _digest(_stamps(folder, "*") if folder is not None else [])
        if checkpoint is not None:
            identity[f"the checkpoint of {spec}"] = _digest(_stamps(checkpoint.path, "*"))
    return identity


def differing(here: Identity, there: Identity) -> list[str]:
    """Return the names of the parts that differ."""
    return sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))


def _stamps(folder: Path, pattern: str) -> list[tuple[str, int, int]]:
    """Return path, size and time of each file: enough to see that one was written anew."""
    found = ((path, path.stat()) for path in sorted(folder.glob(pattern)) if path.is_file())
    return [(str(path), stat.st_size, stat.st_mtime_ns) for path, stat in found]


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
