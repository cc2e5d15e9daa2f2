"""LoRA adapters on a base model: attaching them, and the base below them."""

from __future__ import annotations

from typing import cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from engine.models.quiet import quiet_transformers
from engine.policy.packed.lora_linear import FusedLoraLinear


def attach_adapter(base: PreTrainedModel, rank: int, alpha: float, seed: int = 0) -> PeftModel:
    """Return `base` with fresh LoRA adapters (dropout 0) on all its linear layers but the output head.

    Adapters are scaled by alpha / rank; `seed` draws the first A.
    Fresh adapters change nothing: B is zero. They are kept in fp32 whatever the base's precision, as the
    optimiser's small steps need; on a 4B model that is 0.26 GB at rank 32. The same seed gives the same
    adapters and leaves torch's global generator as it was.
    """
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # peft divides by the rank; any number will do
        lora_dropout=0.0,
        bias="none",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    config._register_custom_module(_lora_layers(base))
    with torch.random.fork_rng(devices=[]), quiet_transformers():
        torch.manual_seed(seed)
        model = get_peft_model(base, config)
    if not isinstance(model, PeftModel):
        raise TypeError("peft returned a mixed model")
    return model.eval()


def _lora_layers(base: PreTrainedModel) -> dict[type[torch.nn.Module], type[torch.nn.Module]]:
    """Our LoRA layer for each kind of linear layer; peft takes the first kind that fits."""
    layers: dict[type[torch.nn.Module], type[torch.nn.Module]] = {}
    if getattr(base, "is_loaded_in_4bit", False):
        from engine.models.nf4 import Linear4bit
        from engine.policy.packed.quantised import FusedLoraNf4

        layers[Linear4bit] = FusedLoraNf4  # a kind of torch's Linear: before it
    return layers | {torch.nn.Linear: FusedLoraLinear}


def base_of(model: PeftModel) -> PreTrainedModel:
    """The transformers model that carries the adapters (with them in place, on or off as they are)."""
    return cast(PreTrainedModel, model.get_base_model())
