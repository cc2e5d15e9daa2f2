"""Sizes of a model that determine its memory, read from its config.json or a table of known models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.machine.memory_plan.known_models import KNOWN_MODELS
from engine.machine.model_folders import model_folder
from engine.machine.regular_files import read_regular

_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Linear:
    """Linear layer of a transformer block."""

    name: str
    inputs: int
    outputs: int
    bias: bool = False

    @property
    def weights(self) -> int:
        return self.inputs * self.outputs


@dataclass(frozen=True)
class ModelShape:
    """Shape of a decoder of the Llama family: grouped-query attention and a gated MLP in every layer."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied_embeddings: bool
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    """Queries and keys are normalised per head, as in Qwen3."""

    @property
    def query_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def linears(self) -> tuple[Linear, ...]:
        """Linear layers of one block, which LoRA adapts and quantisation packs."""
        return (
            Linear("q_proj", self.hidden, self.query_width, self.qkv_bias),
            Linear("k_proj", self.hidden, self.kv_width, self.qkv_bias),
            Linear("v_proj", self.hidden, self.kv_width, self.qkv_bias),
            Linear("o_proj", self.query_width, self.hidden, self.output_bias),
            Linear("gate_proj", self.hidden, self.intermediate, self.mlp_bias),
            Linear("up_proj", self.hidden, self.intermediate, self.mlp_bias),
            Linear("down_proj", self.intermediate, self.hidden, self.mlp_bias),
        )

    @property
    def linear_parameters(self) -> int:
        """Number of weights in the linear layers of all blocks, without embeddings, head, norms and biases."""
        return self.layers * sum(linear.weights for linear in self.linears)

    @property
    def embedding_parameters(self) -> int:
        """Number of parameters of the input embedding and, if it is untied, the output head."""
        return self.vocabulary * self.hidden * (1 if self.tied_embeddings else 2)

    @property
    def parameters(self) -> int:
        """Number of all parameters, exactly as transformers counts them."""
        biases = sum(linear.outputs for linear in self.linears if linear.bias)
        norms = 2 * self.hidden + (2 * self.head_dim if self.qk_norm else 0)
        return self.linear_parameters + self.embedding_parameters + self.layers * (biases + norms) + self.hidden

    def lora_parameters(self, rank: int) -> int:
        """Return the trainable parameters of adapters on every linear layer except the head."""
        return self.layers * rank * sum(linear.inputs + linear.outputs for linear in self.linears)

    def kv_bytes_per_token(self, bytes_per_number: float = 2.0) -> int:
        """Return the bytes of one token's keys and values in all layers."""
        return int(2 * self.layers * self.kv_width * bytes_per_number)


def shape_of(source: str) -> ModelShape | None:
    """Return the shape of model `source`, from its config.json if it is on this machine, else from the table.

    Return None for a model that is in neither, or of an architecture that the plan does not cover.
    """
    folder = model_folder(source)
    if folder is not None:
        shape = read_shape(folder / "config.json")
        if shape is not None:
            return shape
    known = KNOWN_MODELS.get(source)
    return shape_from_config(known) if known is not None else None


def read_shape(path: Path) -> ModelShape | None:
    """Read the shape from a config.json; None if it cannot be read or describes another architecture."""
    try:
        config = json.loads(read_regular(path, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return shape_from_config(config) if isinstance(config, dict) else None


def shape_from_config(config: Mapping[str, Any]) -> ModelShape | None:
    """Build the shape from the fields of transformers' config.json; None for another architecture."""
    kind = config.get("model_type")
    if kind not in ("llama", "mistral", "qwen2", "qwen3"):
        return None
    try:
        heads = int(config["num_attention_heads"])
        hidden = int(config["hidden_size"])
        bias = bool(config.get("attention_bias", False))
        return ModelShape(
            layers=int(config["num_hidden_layers"]),
            hidden=hidden,
            intermediate=int(config["intermediate_size"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head_dim=int(config.get("head_dim") or hidden // heads),
            vocabulary=int(config["vocab_size"]),
            tied_embeddings=bool(config.get("tie_word_embeddings", False)),
            qkv_bias=bias or kind == "qwen2",  # Qwen2 always has this bias; its configuration does not name it
            output_bias=bias,
            mlp_bias=bool(config.get("mlp_bias", False)),
            qk_norm=kind == "qwen3",
        )
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
