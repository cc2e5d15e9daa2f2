"""LoRA adapters over a base model: the base beneath them, and an adapter of a folder attached to sample with."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from peft import LoraConfig, PeftModel
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
    )
    try:
        with loading_faults():
            return PeftModel.from_pretrained(base, str(adapter), config=config)
    except LoadingFault as fault:
        raise RunError(f"the adapter in {adapter} cannot be loaded: {fault}", "solve with another run") from fault
