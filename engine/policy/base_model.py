"""Loads a base model with its tokenizer; every fault becomes one line with its remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from engine.errors import EnvironmentError_
from engine.policy.faults import first_line
from engine.policy.model_files import locate_model
from engine.policy.quiet import quiet_transformers

Precision = Literal["fp32", "bf16", "nf4"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_LOADING_FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError)


@dataclass(frozen=True)
class BaseModel:
    """A frozen causal language model in evaluation mode, its tokenizer, and the folder both came from."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    folder: Path


def load_base_model(
    name: str,
    precision: Precision = "fp32",
    device: str = "cpu",
    allow_download: bool = True,
) -> BaseModel:
    """Load model `name` (a folder, or a hub name) in `precision` on `device` ("cpu", "cuda", "cuda:1").

    Raises:
        EnvironmentError_: the model is missing, incomplete or broken (see `locate_model`), has no chat
        template, does not
            fit its own configuration; no such device, or not enough of its memory; a precision this version
            cannot load.
    """
    if precision == "nf4":
        raise EnvironmentError_("precision nf4 is not available yet", "set policy.precision to bf16")
    _check_device(device)
    folder = locate_model(name, allow_download)
    with quiet_transformers():
        tokenizer = _load_tokenizer(folder)
        model = _load_weights(folder, _DTYPES[precision], device)
    model.requires_grad_(False)
    return BaseModel(model.eval(), tokenizer, folder)


def _check_device(device: str) -> None:
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise EnvironmentError_(f"{device!r} is not a device", "use cpu or cuda") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise EnvironmentError_(
            "no CUDA GPU is available", "run `cure-tui doctor`, or train the nano preset on the CPU"
        )


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except _LOADING_FAULTS as error:
        raise EnvironmentError_(
            f"the tokenizer in {folder} cannot be loaded: {first_line(error)}",
            "fetch the model's folder again",
        ) from error
    if not tokenizer.chat_template:
        raise EnvironmentError_(
            f"the tokenizer in {folder} has no chat template",
            "use an instruct model, or add its chat_template.jinja",
        )
    return tokenizer


def _load_weights(folder: Path, dtype: torch.dtype, device: str) -> PreTrainedModel:
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
        )
        model: PreTrainedModel = loaded[0].to(device)
    except torch.OutOfMemoryError as error:
        raise EnvironmentError_(
            f"the model in {folder} does not fit into the GPU's memory",
            "choose a smaller model, or precision bf16",
        ) from error
    except _LOADING_FAULTS as error:
        raise EnvironmentError_(
            f"the model in {folder} cannot be loaded: {first_line(error)}",
            "check its config.json and weights",
        ) from error
    missing: list[str] = sorted(loaded[1]["missing_keys"])
    if missing:  # transformers would go on with random numbers in their place
        raise EnvironmentError_(
            f"the weights in {folder} lack {len(missing)} tensors of the model, the first is {missing[0]}",
            "fetch the model's folder again",
        )
    return model
