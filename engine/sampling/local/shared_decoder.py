"""Decoder that computes and stores each prompt once per group: the fast path, for the architectures listed here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import PreTrainedModel

from engine.sampling.local.decoder import padded
from engine.sampling.local.kv_table import KVShape
from engine.sampling.local.shared_attention import AttentionPass, PromptPass, StepPass
from engine.sampling.local.shared_kv import SharedKV

# Architectures with plain causal softmax attention, called through transformers' AttentionInterface, and with logits
# that are the output head applied to the last hidden state. Checked by tests/engine/sampling; add one with its test.
ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})

# Tokens of one prompt pass: bounds the memory of its activations.
_PROMPT_TOKENS = 8192


def supports(model: PreTrainedModel) -> bool:
    """Tell whether the architecture is listed and all layers attend to the whole sequence (no sliding window)."""
    layer_types = getattr(model.config, "layer_types", None) or []
    return model.config.model_type in ARCHITECTURES and all(kind == "full_attention" for kind in layer_types)


class SharedDecoder:
    """A batch whose groups share their prompts; new groups may enter while others are being decoded."""

    admits_midway = True

    def __init__(self, model: PreTrainedModel, pad_id: int, max_rows: int) -> None:
        config = model.config
        self._model = model
        self._pad_id = pad_id
        self._device = model.device
        heads = config.num_attention_heads
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
        shape = KVShape(config.num_hidden_layers, config.num_key_value_heads, head_dim, model.dtype, model.device)
        self._kv = SharedKV(shape, max_rows)

    @property
    def rows(self) -> int:
        return self._kv.rows

    def admit(self, prompts: Sequence[tuple[int, ...]], counts: Sequence[int]) -> Tensor:
        group = self._kv.add_groups([len(prompt) for prompt in prompts], counts)
        logits = []
        for chunk in _chunks(prompts):
            ids_gs = padded(chunk, self._pad_id, left=False, device=self._device)
            position_1s = torch.arange(ids_gs.shape[1], device=self._device)[None]
            hidden_gsd = self._hidden_states(ids_gs, position_1s, PromptPass(self._kv, group))
            last_g = torch.tensor([len(prompt) - 1 for prompt in chunk], device=self._device)
            logits.append(self._logits(hidden_gsd[torch.arange(len(chunk), device=self._device), last_g]))
            group += len(chunk)
        return torch.cat(logits)

    def step(self, token_b: npt.NDArray[np.int64]) -> Tensor:
        ids_b1 = torch.from_numpy(token_b).to(self._device)[:, None]
        self._kv.begin_step()
        position_b1 = self._kv.next_positions_b()[:, None]
        hidden_b1d = self._hidden_states(ids_b1, position_b1, StepPass(self._kv))
        self._kv.end_step()
        return self._logits(hidden_b1d[:, 0])

    def drop_rows(self, targets_b: npt.NDArray[np.int64], sources_b: npt.NDArray[np.int64], remaining: int) -> None:
        self._kv.drop_rows(targets_b, sources_b, remaining)

    def _hidden_states(self, ids_bs: Tensor, position_bs: Tensor, attention_pass: AttentionPass) -> Tensor:
        output = self._model.base_model(
            input_ids=ids_bs, position_ids=position_bs, use_cache=False, attention_pass=attention_pass
        )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def _logits(self, hidden_bd: Tensor) -> Tensor:
        logits: Tensor = self._model.get_output_embeddings()(hidden_bd)
        return logits


def _chunks(prompts: Sequence[tuple[int, ...]]) -> Iterator[Sequence[tuple[int, ...]]]:
    """Split prompts, in order, into chunks of at most `_PROMPT_TOKENS` padded tokens, or of one longer prompt."""
    first = 0
    while first < len(prompts):
        longest = accumulate((len(prompt) for prompt in prompts[first:]), max)
        fitting = 1
        for number, width in enumerate(longest, start=1):
            if number > 1 and number * width > _PROMPT_TOKENS:
                break
            fitting = number
        yield prompts[first : first + fitting]
        first += fitting
