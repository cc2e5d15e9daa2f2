"""Sizes of the presets' models, from their config.json, so that a plan can be made before they are fetched."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_QWEN3_4B: dict[str, object] = {
    "model_type": "qwen3",
    "num_hidden_layers": 36,
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151_936,
    "tie_word_embeddings": True,
}
_QWEN3_SMALL: dict[str, object] = _QWEN3_4B | {"num_hidden_layers": 28, "num_attention_heads": 16}
_QWEN3_1_7B: Mapping[str, object] = _QWEN3_SMALL | {"hidden_size": 2048, "intermediate_size": 6144}
_QWEN3_0_6B: Mapping[str, object] = _QWEN3_SMALL | {"hidden_size": 1024, "intermediate_size": 3072}
_QWEN25_7B: Mapping[str, object] = {
    "model_type": "qwen2",
    "num_hidden_layers": 28,
    "hidden_size": 3584,
    "intermediate_size": 18_944,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152_064,
    "tie_word_embeddings": False,
}
_QWEN25_14B: Mapping[str, object] = {
    "model_type": "qwen2",
    "num_hidden_layers": 48,
    "hidden_size": 5120,
    "intermediate_size": 13_824,
    "num_attention_heads": 40,
    "num_key_value_heads": 8,
    "vocab_size": 152_064,
    "tie_word_embeddings": False,
}

KNOWN_MODELS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "Qwen/Qwen3-0.6B": _QWEN3_0_6B,
        "Qwen/Qwen3-1.7B": _QWEN3_1_7B,
        "Qwen/Qwen3-4B": _QWEN3_4B,
        "Qwen/Qwen3-4B-Base": _QWEN3_4B,
        "Qwen/Qwen2.5-7B": _QWEN25_7B,
        "Qwen/Qwen2.5-7B-Instruct": _QWEN25_7B,
        "Qwen/Qwen2.5-Coder-7B-Instruct": _QWEN25_7B,
        "Qwen/Qwen2.5-14B": _QWEN25_14B,
        "Qwen/Qwen2.5-14B-Instruct": _QWEN25_14B,
        "Qwen/Qwen2.5-Coder-14B-Instruct": _QWEN25_14B,
    }
)
"""Model on the hub -> the part of its config.json that a plan reads."""
