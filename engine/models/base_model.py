"""Base model and tokenizer, loaded from a folder; every fault becomes one line with its remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from engine.config.schema import Precision
from engine.errors import EnvironmentError_
from engine.machine.memory_plan.shape import read_shape
from engine.models.download_progress import OnProgress
from engine.models.faults import LoadingFault, loading_faults
from engine.models.model_files import check_described, held_parameters, locate_model
from engine.models.quiet import quiet_transformers

BITSANDBYTES = "bitsandbytes>=0.50,<0.51"

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
FROM_FOLDER: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""Options of every `from_pretrained`. Code that a model brings is never run, and no question about it is asked: None,
the default, asks on stdout."""


@dataclass(frozen=True)
class BaseModel:
    """Frozen causal language model in evaluation mode, its tokenizer, and the folder of both."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    folder: Path


def load_base_model(
    name: str,
    precision: Precision = "fp32",
    device: str = "cpu",
    allow_download: bool = True,
    on_progress: OnProgress | None = None,
) -> BaseModel:
    """Load model `name` (a folder, or a hub name) in `precision` on `device` ("cpu", "cuda", "cuda:1").

    nf4 keeps all linear layers but the output head in 4 bits and computes in bf16 on a GPU, in fp32 on the CPU
    (which is faster there unless it multiplies bf16 itself). `on_progress`: see `locate_model`.

    Raises:
        EnvironmentError_: the model is missing, incomplete or broken (see `locate_model`), has no chat template, does
            not match its configuration; the device does not exist or has too little memory; nf4 without bitsandbytes.
    """
    _check_device(device)
    if precision == "nf4":
        require_bitsandbytes("precision nf4")
    folder = locate_model(name, allow_download, on_progress)
    with quiet_transformers():
        tokenizer = load_tokenizer(folder)
        model = _load_weights(folder, precision, device)
    model.requires_grad_(False)
    return BaseModel(model.eval(), tokenizer, folder)


def require_bitsandbytes(wanted_by: str) -> None:
    """Raise EnvironmentError_ where bitsandbytes is not installed; the message begins with `wanted_by`."""
    if find_spec("bitsandbytes") is None:
        raise EnvironmentError_(f"{wanted_by} needs bitsandbytes", f"pip install '{BITSANDBYTES}'")


def _check_device(device: str) -> None:
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise EnvironmentError_(f"{device!r} is not a device", "use cpu or cuda") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise EnvironmentError_(
            "no CUDA GPU is available", "run `cure-tui doctor`, or train the nano preset on the CPU"
        )


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer in `folder`. Raises EnvironmentError_: it cannot be read, or has no chat template."""
    try:
        with loading_faults():
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, **FROM_FOLDER)
            tokenizer.decode(tokenizer("1 + 1", add_special_tokens=False)["input_ids"])  # its settings too are in use
    except LoadingFault as error:
        raise _unloadable(f"the tokenizer in {folder}", error, "fetch the model's folder again") from error
    if not tokenizer.chat_template:
        raise EnvironmentError_(
            f"the tokenizer in {folder} has no chat template",
            "use an instruct model, or add its chat_template.jinja",
        )
    return tokenizer


def load_model_config(folder: Path) -> PretrainedConfig:
    """Load the sizes and kinds of the model's layers. Raises EnvironmentError_: config.json cannot be used."""
    try:
        with loading_faults():
            config: PretrainedConfig = AutoConfig.from_pretrained(folder, **FROM_FOLDER)
    except LoadingFault as error:
        raise _unloadable(f"the model in {folder}", error, "check its config.json and weights") from error
    return config


def _unloadable(what: str, error: LoadingFault, remedy: str) -> EnvironmentError_:
    if "trust_remote_code" in str(error.__cause__):
        message = f"{what} comes with Python code of its own, which is never run"
        return EnvironmentError_(message, "choose a model that transformers supports without it")
    return EnvironmentError_(f"{what} cannot be loaded: {error}", remedy)


def _parameters_elsewhere(folder: Path, config: PretrainedConfig) -> int | None:
    """Count the parameters that config.json describes by building the model without memory.

    None for an architecture whose sizes a memory plan can read: `locate_model` has compared them.
    """
    if read_shape(folder / "config.json") is not None:
        return None
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return int(sum(parameter.numel() for parameter in model.parameters()))


def _load_weights(folder: Path, precision: Precision, device: str) -> PreTrainedModel:
    options: dict[str, Any] = {}
    if precision == "nf4":
        from engine.models.nf4 import nf4_config, use_exact_products

        dtype = torch.float32 if torch.device(device).type == "cpu" else torch.bfloat16
        # Quantised while loading, so that only one tensor at a time is in memory unquantised.
        options = {"quantization_config": nf4_config(dtype), "device_map": {"": device}}
    else:
        dtype = _DTYPES[precision]
    config = load_model_config(folder)
    try:
        with loading_faults():
            described = _parameters_elsewhere(folder, config)
        if described is not None:
            check_described(folder, 1, described, held_parameters(folder), "fetch the model's folder again")
        with loading_faults():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                config=config,
                dtype=dtype,
                attn_implementation="sdpa",
                use_safetensors=True,
                output_loading_info=True,
                **FROM_FOLDER,
                **options,
            )
            model: PreTrainedModel = loaded[0] if precision == "nf4" else loaded[0].to(device)
            if precision == "nf4":
                use_exact_products(model)
    except torch.OutOfMemoryError as error:
        raise EnvironmentError_(
            f"the model in {folder} does not fit into the GPU's memory",
            "choose a smaller model, or precision nf4",
        ) from error
    except LoadingFault as error:
        raise _unloadable(f"the model in {folder}", error, "check its config.json and weights") from error
    missing: list[str] = sorted(loaded[1]["missing_keys"])
    if missing:  # transformers would initialise them at random and continue
        raise EnvironmentError_(
            f"the weights in {folder} lack {len(missing)} tensors of the model, the first is {missing[0]}",
            "fetch the model's folder again",
        )
    return model
