"""Policy on disk: training state that resumes bit for bit, peft adapters, merged models.

The functions write into a folder of the caller, who publishes it atomically (written under another name, then renamed).
"""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from engine.config.schema import Optimiser
from engine.errors import RunError
from engine.machine.model_folders import ADAPTER_FILE
from engine.machine.regular_files import plain_path
from engine.models.faults import LoadingFault, first_line, loading_faults
from engine.models.quiet import quiet_transformers
from engine.policy import trainer_file
from engine.policy.adapter import base_of
from engine.policy.optimiser import repage

TRAINER_FILE = "trainer_state.pt"
FORMAT = 1
_EARLIER = "resume from an earlier checkpoint"
_MOST_UPDATES = 1 << 53


def save(
    path: Path, model: PeftModel, optimiser: torch.optim.Optimizer, updates_done: int, kind: Optimiser = "adamw"
) -> None:
    """Write adapters (peft's format) and trainer state into `path`. Raises RunError if that fails."""
    save_adapter(path, model)
    state = {
        "format": FORMAT,
        "updates_done": updates_done,
        "base": base_mark(model),
        "optimiser_kind": kind,
        "optimiser": optimiser.state_dict(),
        "torch_rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    # Into memory first (two thirds of a checkpoint): on a full disk torch.save raises a RuntimeError, not an OSError.
    packed = io.BytesIO()
    torch.save(state, packed)
    with _writing(path):
        (path / TRAINER_FILE).write_bytes(packed.getbuffer())


def load_adapter(path: Path, model: PeftModel) -> None:
    """Load only the adapters of the output of `save` into `model`.

    Raises RunError, with nothing changed, as `load` does for the adapters and their base model.
    """
    weights, state = _read(path, model)
    _check_fit(path, weights, state, model)
    set_peft_model_state_dict(model, weights)


def load(path: Path, model: PeftModel, optimiser: torch.optim.Optimizer, kind: Optimiser = "adamw") -> int:
    """Load the output of `save` into `model`, `optimiser` and torch's generators; return the number of updates done.

    Raises RunError, with nothing changed, if a file is missing or corrupt, or belongs to another base model, to
    adapters of another shape, or to another kind of optimiser.
    """
    weights, state = _read(path, model)
    saved_kind = str(state.get("optimiser_kind", "adamw"))[:40]
    if saved_kind != kind:
        raise RunError(
            f"checkpoint {path} holds the state of {saved_kind}, not {kind}",
            f'set policy.optimiser = "{saved_kind}", as the run had it',
        )
    _check_fit(path, weights, state, model)
    before = optimiser.state_dict()
    try:
        with loading_faults():
            _check_state(state, optimiser, kind)
            # Its settings are those of the run's configuration, whatever the file says.
            optimiser.load_state_dict({"state": state["optimiser"]["state"], "param_groups": before["param_groups"]})
    except LoadingFault as fault:
        optimiser.load_state_dict(before)
        raise RunError(f"the trainer's state in checkpoint {path} is broken: {fault}", _EARLIER) from fault
    set_peft_model_state_dict(model, weights)
    if kind == "paged-adamw-8bit":
        repage(optimiser)
    torch.set_rng_state(state["torch_rng"])
    if state["cuda_rng"] and torch.cuda.device_count() == len(state["cuda_rng"]):
        torch.cuda.set_rng_state_all(state["cuda_rng"])
    updates_done: int = state["updates_done"]
    return updates_done


def _read(path: Path, model: PeftModel) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return adapters and trainer state of a checkpoint. Raises RunError: missing, corrupt, of another version."""
    own = get_peft_model_state_dict(model, save_embedding_layers=False)
    try:
        with loading_faults():
            with plain_path(path, ADAPTER_FILE, _most_bytes(own)) as file:
                weights = load_file(file)
            most = trainer_file.most_bytes([each for each in model.parameters() if each.requires_grad])
            with plain_path(path, TRAINER_FILE, most) as file, open(file, "rb") as opened:
                state = trainer_file.read_trainer_state(opened, most)
    except LoadingFault as error:
        raise RunError(f"checkpoint {path} cannot be read: {error}", _EARLIER) from error
    if not isinstance(state, dict) or type(state.get("format")) is not int or state["format"] != FORMAT:
        raise RunError(f"checkpoint {path} is of another version", "resume it with the version that wrote it")
    return weights, state


def _check_fit(path: Path, weights: dict[str, torch.Tensor], state: dict[str, Any], model: PeftModel) -> None:
    """Raise RunError for adapters of another shape, or of another base model."""
    _check_same_adapters(path, weights, get_peft_model_state_dict(model, save_embedding_layers=False))
    if str(state.get("base", base_mark(model)))[:100] != base_mark(model):
        raise RunError(
            f"checkpoint {path} was trained on another base model of the same shape",
            "set model.source to the model of the run",
        )


def _most_bytes(weights: dict[str, torch.Tensor]) -> int:
    """Return the bytes of such weights in a file, at most: in fp64, with a header."""
    return sum(weight.numel() * 8 + 1024 for weight in weights.values()) + (1 << 20)


def _check_state(state: dict[str, Any], optimiser: torch.optim.Optimizer, kind: Optimiser) -> None:
    """Raise ValueError for a state that would end the training only at its next update."""
    own = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    if type(state["updates_done"]) is not int or not 0 <= state["updates_done"] < _MOST_UPDATES:
        raise ValueError("its number of updates is none")
    now = torch.get_rng_state()
    if state["torch_rng"].dtype != now.dtype or state["torch_rng"].shape != now.shape:
        raise ValueError("its random generator is none of torch's")
    torch.Generator().set_state(state["torch_rng"])  # raises where the bytes are no state of it
    of_gpus = state["cuda_rng"]
    if not isinstance(of_gpus, list) or not all(getattr(each, "dtype", None) == now.dtype for each in of_gpus):
        raise ValueError("its random generators of GPUs are none")
    for number, moments in state["optimiser"]["state"].items():
        if number not in range(len(own)):
            raise ValueError("it has moments of parameters that the model lacks")
        if kind == "adamw" and not (
            moments["exp_avg"].shape == moments["exp_avg_sq"].shape == own[number].shape
            and moments["step"].numel() == 1
            and moments.keys() == {"step", "exp_avg", "exp_avg_sq"}
            and all(bool(torch.isfinite(each).all()) for each in moments.values())
        ):
            raise ValueError("its moments do not fit the parameters")


def base_mark(model: PeftModel) -> str:
    """Return a hash of norms and biases that identifies a base model, whatever the format of its linear layers.

    They are rounded to bf16, so that a run may be resumed in another precision.
    """
    digest = hashlib.sha256()
    for name, parameter in base_of(model).named_parameters():
        if parameter.dim() == 1 and "lora_" not in name:
            digest.update(parameter.detach().to("cpu", torch.bfloat16).view(torch.int16).numpy().tobytes())
    return digest.hexdigest()


def _check_same_adapters(path: Path, saved: dict[str, torch.Tensor], own: dict[str, torch.Tensor]) -> None:
    for name in sorted(saved.keys() | own.keys()):
        if name in saved and not (saved[name].is_floating_point() and torch.isfinite(saved[name].float()).all()):
            raise RunError(f"checkpoint {path} is broken: {name} holds no finite numbers", "resume from an earlier one")
        shapes = [tuple(weights[name].shape) if name in weights else None for weights in (saved, own)]
        if shapes[0] != shapes[1]:
            fault = f"{name} has shape {shapes[0]} in the checkpoint and {shapes[1]} in the model"
            raise RunError(
                f"checkpoint {path} does not fit this model: {fault}",
                "keep the model and policy.lora_rank of the run",
            )


def save_adapter(path: Path, model: PeftModel) -> None:
    """Write adapter_model.safetensors and adapter_config.json into `path`, as peft and vLLM read them."""
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
        # peft's own save_pretrained writes a model card and may query the hub for the vocabulary size.
        weights = get_peft_model_state_dict(model, save_embedding_layers=False)
        save_file(
            {name: weight.detach().contiguous().cpu() for name, weight in weights.items()},
            path / ADAPTER_FILE,
        )
        model.peft_config[model.active_adapter].save_pretrained(str(path))


def save_merged(path: Path, model: PeftModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write the base model with the adapters added to its weights, and the tokenizer, into `path`.

    The model itself is not changed: merging in place and unmerging would round the base weights. An NF4 base is
    written dequantised, in the precision that it computes in: the adapters were trained on these weights, not on the
    checkpoint that they were quantised from.
    """
    with _writing(path), quiet_transformers():
        path.mkdir(parents=True, exist_ok=True)
        _unquantised(base_of(model)).save_pretrained(path, state_dict=merged_state_dict(model))
        tokenizer.save_pretrained(path)


def merged_state_dict(model: PeftModel) -> dict[str, torch.Tensor]:
    """Return the base model's state dict, under its own names, with the active adapters added in fp32 and rounded once.

    NF4 weights are dequantised. Merged weights are on the CPU, so the GPU need not hold a second model.
    """
    base = base_of(model)
    layers = {name: layer for name, layer in base.named_modules() if isinstance(layer, LoraLayer)}
    merged: dict[str, torch.Tensor] = {}
    with torch.no_grad():
        for name, tensor in base.state_dict().items():
            if "lora_" in name:
                continue
            owner, inner, leaf = name.rpartition(".base_layer.")
            if not inner:
                merged[name] = tensor
            elif leaf == "weight":
                merged[f"{owner}.weight"] = _merged_weight(layers[owner])
            elif not leaf.startswith("weight."):  # "weight.*": constants that dequantise an NF4 weight
                merged[f"{owner}.{leaf}"] = tensor
    return merged


def _merged_weight(layer: Any) -> torch.Tensor:
    weight = layer.base_layer.weight
    if not weight.is_floating_point():
        from engine.models.nf4 import dequantised

        weight = dequantised(weight)
    delta = sum(layer.get_delta_weight(adapter).float() for adapter in layer.active_adapters)
    merged: torch.Tensor = (weight.float() + delta).to(weight.dtype).cpu()
    return merged


def _unquantised(base: PreTrainedModel) -> PreTrainedModel:
    """Return `base`, or if it is quantised a plain copy without weights; either can save a given state dict."""
    if not getattr(base, "is_quantized", False):
        return base
    config = copy.deepcopy(base.config)
    del config.quantization_config
    with torch.device("meta"):
        twin: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=base.dtype)
    twin.generation_config = base.generation_config
    return twin


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"cannot write {path}: {first_line(error)}",
            "free disk space, or choose a folder you may write",
        ) from error
