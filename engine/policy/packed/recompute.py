"""Gradient checkpointing: the forward pass keeps each layer's input alone, the backward pass computes the rest again.

A third more computing for a memory of layers x tokens x hidden width instead of some thirty times that. Only
trained passes pay: passes without gradient keep nothing anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from engine.errors import EnvironmentError_


class Recompute:
    """Switches a model's layers to recomputing, for the passes that are trained.

    transformers recomputes in training mode only, and training mode would also bring dropout; so the layers
    themselves, and nothing inside them, are in training mode within `trained_pass`.
    """

    def __init__(self, base: PreTrainedModel) -> None:
        """Raises EnvironmentError_ for an architecture whose layers transformers cannot recompute."""
        self._layers = [module for module in base.modules() if isinstance(module, GradientCheckpointingLayer)]
        if not self._layers or not base.supports_gradient_checkpointing:
            raise EnvironmentError_(
                f"the layers of {base.config.model_type} cannot be computed again in the backward pass",
                "set policy.checkpoint_activations = false",
            )
        # Nothing is random in a pass, so no generator's state need be kept for its repetition.
        base.gradient_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": False})
        base.disable_input_require_grads()  # the reentrant kind alone needs embeddings with a gradient

    @contextmanager
    def trained_pass(self) -> Iterator[None]:
        """Around a forward and its backward pass."""
        for layer in self._layers:
            layer.training = True
        try:
            yield
        finally:
            for layer in self._layers:
                layer.training = False
