"""Attachment of LoRA adapters, in the fused layers of this room, to a base model."""

from __future__ import annotations

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel

from engine.models.quiet import quiet_transformers
from engine.policy.packed.lora_linear import FusedLoraLinear


def attach_adapter(base: PreTrainedModel, rank: int, alpha: float, seed: int = 0) -> PeftModel:
    """Return `base` with fresh LoRA adapters (dropout 0) on all its linear layers but the output head.

    Adapters are scaled by alpha / rank. A is drawn with `seed`, without touching torch's global generator; B is zero,
    so fresh adapters change no output. They are kept in fp32 whatever the base's precision, because bf16 would round
    the optimiser's small steps away; on a 4B model that takes 0.26 GB at rank 32.
    """
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # peft only divides it by the rank, so a float works
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
    """Return our LoRA class for each class of linear layer; peft takes the first entry that matches."""
    layers: dict[type[torch.nn.Module], type[torch.nn.Module]] = {}
    if getattr(base, "is_loaded_in_4bit", False):
        from engine.models.nf4 import Linear4bit
        from engine.policy.packed.quantised import FusedLoraNf4

        layers[Linear4bit] = FusedLoraNf4  # subclass of torch's Linear, so it must come first
    return layers | {torch.nn.Linear: FusedLoraLinear}
