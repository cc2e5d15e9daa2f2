"""LoRA adapters over a base model: the base beneath them, and an adapter of a folder attached to sample with."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from torch import Tensor
from transformers import PreTrainedModel

from engine.errors import RunError
from engine.models.faults import LoadingFault, loading_faults
from engine.models.merged_lora import check_lora


def base_of(model: PeftModel) -> PreTrainedModel:
    """Return the transformers model that carries the adapters, which stay attached and on or off as they are."""
    return cast(PreTrainedModel, model.get_base_model())


def with_adapter(base: PreTrainedModel, adapter: Path) -> PeftModel:
    """Attach the adapter in the folder `adapter`, unmerged. Raises RunError as `merge_lora` does.

    Of its configuration rank and alpha alone are used: peft would follow whatever else it says.
    """
    lora = check_lora(base, adapter)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # peft only divides it by the rank, so a float works
        target_modules=sorted(lora.factors),
        task_type="CAUSAL_LM",
        inference_mode=True,
    )
    try:
        with loading_faults():
            model = get_peft_model(base, config)
            weights: dict[str, Tensor] = {}
            for layer, (a, b) in lora.factors.items():
                weights |= {f"base_model.model.{layer}.lora_A.weight": a, f"base_model.model.{layer}.lora_B.weight": b}
            set_peft_model_state_dict(model, weights)
    except LoadingFault as fault:
        raise RunError(f"the adapter in {adapter} cannot be loaded: {fault}", "solve with another run") from fault
    return cast(PeftModel, model.eval())
