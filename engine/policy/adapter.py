"""Base model beneath LoRA adapters."""

from __future__ import annotations

from typing import cast

from peft import PeftModel
from transformers import PreTrainedModel


def base_of(model: PeftModel) -> PreTrainedModel:
    """Return the transformers model that carries the adapters, which stay attached and on or off as they are."""
    return cast(PreTrainedModel, model.get_base_model())
