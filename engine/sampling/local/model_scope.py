"""Context in which a model samples: adapters merged, dropout off, our attention in place; restored on exit.

peft is imported only where a model has adapters: its import takes as long as all the others together.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, TypeGuard, cast

import torch
from transformers import PreTrainedModel

if TYPE_CHECKING:
    from peft import PeftModel

    from engine.sampling.local.merged_adapters import MergedAdapters


def has_adapters(model: PreTrainedModel | PeftModel) -> TypeGuard[PeftModel]:
    """Tell whether `model` is a peft model around a transformers model."""
    return hasattr(model, "get_base_model")


def without_adapters(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """Return the transformers model itself; adapter layers inside it stay where they are."""
    return cast(PreTrainedModel, model.get_base_model()) if has_adapters(model) else cast(PreTrainedModel, model)


class ModelScope:
    """Context in which a model samples; on exit every setting it changed has its old value.

    attention: name of the attention function to use; None keeps the model's own. threads: CPU threads inside the
    context; None keeps torch's number.
    """

    def __init__(
        self, model: PreTrainedModel | PeftModel, *, attention: str | None, merge: bool, threads: int | None = None
    ) -> None:
        self._model = model
        self._threads, self._own_threads = threads, torch.get_num_threads()
        self._config = without_adapters(model).config
        self._attention = attention
        self._own_attention: str | None = None
        self._training_modules = [module for module in model.modules() if module.training]
        self._adapters: MergedAdapters | None = None
        if merge and has_adapters(model):
            from engine.sampling.local.merged_adapters import MergedAdapters

            self._adapters = MergedAdapters(model)

    def __enter__(self) -> None:
        if self._threads is not None:
            self._own_threads = torch.get_num_threads()
            torch.set_num_threads(self._threads)
        if self._adapters is not None:
            self._adapters.__enter__()
        for module in self._training_modules:
            module.training = False
        if self._attention is not None:
            self._own_attention = self._config._attn_implementation
            self._config._attn_implementation = self._attention

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._attention is not None:
            self._config._attn_implementation = self._own_attention
        for module in self._training_modules:
            module.training = True
        if self._adapters is not None:
            self._adapters.__exit__(kind, error, trace)
        if self._threads is not None:
            torch.set_num_threads(self._own_threads)
