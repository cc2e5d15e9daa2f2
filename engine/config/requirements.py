"""What a configuration needs and a machine lacks: looked up in seconds, before a single weight is loaded.

The memory figures are lower bounds from the number of parameters: they refuse what cannot work, and promise
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.config.machine import Machine
from engine.config.schema import RunConfig
from engine.errors import CureError
from engine.resources import ASSET_SCHEME, source_path

BYTES_PER_PARAMETER = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "nf4": 0.55}
"""nf4: 4 bits, and 0.5 to 1 bit of doubly quantised scales and layers that stay in 16 bits."""

WORKING_GB = 2.0
"""Activations, KV cache and libraries of a model of a billion parameters or more, at the very least."""

SMALL_MODEL_B = 0.5
"""Up to this many billion parameters a run without GPU ends in reasonable time."""

INSTALL_GPU_EXTRA = "pip install 'cure-tui[gpu]'"


@dataclass(frozen=True)
class Missing:
    """Something that a run needs and this machine has not."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


def missing_for(config: RunConfig, machine: Machine) -> tuple[Missing, ...]:
    """Everything that keeps `config` from running on `machine`; empty where nothing does."""
    return tuple(missing for check in CHECKS for missing in check(config, machine))


def training_memory_gb(config: RunConfig) -> float:
    """Least memory, in GiB, for weights and work; 0 where the preset does not say the model's size.

    Trainer and sampler take turns, so the larger of the two weight formats counts, not their sum.
    """
    parameters = config.model.parameters_b * 1e9
    if parameters == 0:
        return 0.0
    weights = parameters * max(BYTES_PER_PARAMETER[config.policy.precision], _sampler_bytes(config)) / 2**30
    return weights + (WORKING_GB if config.model.parameters_b >= 1 else 0.5)


def needs_gpu(config: RunConfig) -> bool:
    """Whether the settings make sense on a CUDA device only."""
    return (
        config.rollout.sampler == "vllm"
        or config.policy.precision == "nf4"
        or config.model.parameters_b > SMALL_MODEL_B
    )


def _sampler_bytes(config: RunConfig) -> float:
    """An NF4 trainer shares its format with the sampler; otherwise the sampler computes in `model.dtype`."""
    return BYTES_PER_PARAMETER["nf4" if config.policy.precision == "nf4" else config.model.dtype]


def _cuda_device(config: RunConfig, machine: Machine) -> list[Missing]:
    if not needs_gpu(config) or machine.gpus:
        return []
    return [Missing("no CUDA GPU", "use a machine with an NVIDIA GPU and its driver, or the preset 'nano'")]


def _libraries(config: RunConfig, machine: Machine) -> list[Missing]:
    wanted = ["torch", "transformers", "peft"]
    if config.rollout.sampler == "vllm":
        wanted.append("vllm")
    if config.policy.precision == "nf4":
        wanted.append("bitsandbytes")
    return [
        Missing(
            f"{name} is not installed",
            INSTALL_GPU_EXTRA if name in ("vllm", "bitsandbytes") else f"pip install {name}",
        )
        for name in wanted
        if machine.version_of(name) is None
    ]


def _memory(config: RunConfig, machine: Machine) -> list[Missing]:
    """Of the GPU where there is one to use, else of the machine: two lacks are told at once."""
    needed = training_memory_gb(config)
    if needs_gpu(config) and machine.gpus:
        largest = max(gpu.memory_gb for gpu in machine.gpus)
        kind = "GPU memory"
    else:
        largest = machine.memory_gb
        kind = "memory"
    if needed <= largest:
        return []
    return [
        Missing(
            f"{kind}: at least {needed:.0f} GiB needed, {largest:.0f} GiB here",
            'take a smaller preset, or set policy.precision = "nf4"'
            if config.policy.precision != "nf4"
            else "take a smaller preset",
        )
    ]


def _model_files(config: RunConfig, machine: Machine) -> list[Missing]:
    """A model in a folder must be complete; one on the hub may yet be fetched, unless that is forbidden."""
    source = config.model.source
    if source.startswith((ASSET_SCHEME, "/", ".", "~")):
        try:
            folder = source_path(source)
        except CureError as error:
            return [Missing(error.message, error.remedy)]
        return _incomplete_model(folder)
    if os.environ.get("HF_HUB_OFFLINE", "0") in ("", "0", "false", "False") or _hub_folder(source).is_dir():
        return []
    return [
        Missing(
            f"model {source} is not on this machine and HF_HUB_OFFLINE forbids fetching it",
            "fetch it first, or unset HF_HUB_OFFLINE",
        )
    ]


def _incomplete_model(folder: Path) -> list[Missing]:
    remedy = "set model.source to a folder written by save_pretrained of model and tokenizer"
    if not folder.is_dir():
        return [Missing(f"no model folder {folder}", remedy)]
    missing = []
    if not (folder / "config.json").is_file():
        missing.append("config.json")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        missing.append("tokenizer")
    if not any(folder.glob("*.safetensors")):
        missing.append("weights (*.safetensors)")
    return [Missing(f"model folder {folder} has no {' and no '.join(missing)}", remedy)] if missing else []


def _hub_folder(name: str) -> Path:
    """Where the model hub's client keeps a model it has fetched."""
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE", f"{home}/hub")).expanduser()
    return cache / f"models--{name.replace('/', '--')}"


def _task_files(config: RunConfig, machine: Machine) -> list[Missing]:
    absent: dict[str, Path] = {}
    for split in ("train", "validation", "heldout"):
        try:
            path = source_path(getattr(config.data, split))
        except CureError as error:
            return [Missing(f"{split} tasks: {error.message}", error.remedy)]
        if not path.exists():
            absent[split] = path
    if not absent:
        return []
    places = ", ".join(f"{split} tasks at {path}" for split, path in absent.items())
    settings = ", ".join(f"data.{split}" for split in absent)
    return [Missing(f"no {places}", f"put CURE .json or .jsonl files there, or name yours by {settings}")]


def _parts_to_come(config: RunConfig, machine: Machine) -> list[Missing]:
    """Settings that are understood and checked, but that no code of this version acts on yet."""
    to_come = []
    if config.rollout.sampler == "vllm":
        to_come.append(Missing("this version does not sample with vLLM yet", 'set rollout.sampler = "transformers"'))
    if config.policy.precision == "nf4":
        to_come.append(Missing("this version does not train NF4 weights yet", 'set policy.precision = "bf16"'))
    return to_come


CHECKS: tuple[Callable[[RunConfig, Machine], list[Missing]], ...] = (
    _cuda_device,
    _libraries,
    _memory,
    _model_files,
    _task_files,
    _parts_to_come,
)
