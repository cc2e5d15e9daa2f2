"""Gradient checkpointing: the forward pass keeps only each layer's input, the backward pass recomputes the rest.

It costs a third more compute and keeps layers x tokens x hidden width values instead of about thirty times as many.
Passes without gradient keep no activations, so only trained passes pay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from engine.errors import EnvironmentError_


class Recompute:
    """Switch of a model's layers to recomputing, for trained passes only.

    transformers recomputes in training mode only, which would also enable dropout. So within `trained_pass` the layer
    objects are in training mode and the modules inside them are not.
    """

    def __init__(self, base: PreTrainedModel) -> None:
        """Raise EnvironmentError_ for an architecture whose layers transformers cannot recompute."""
        self._layers = [module for module in base.modules() if isinstance(module, GradientCheckpointingLayer)]
        if not self._layers or not base.supports_gradient_checkpointing:
            raise EnvironmentError_(
                f"transformers cannot recompute the layers of {base.config.model_type} in the backward pass",
                "set policy.checkpoint_activations = false",
            )
        # A pass draws no random numbers, so the generators' states need not be saved for its repetition.
        base.gradient_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": False})
        base.disable_input_require_grads()  # only the reentrant variant needs embeddings with a gradient

    @contextmanager
    def trained_pass(self) -> Iterator[None]:
        """Recompute in this block, which holds a forward pass or its backward pass."""
        for layer in self._layers:
            layer.training = True
        try:
            yield
        finally:
            for layer in self._layers:
                layer.training = False
