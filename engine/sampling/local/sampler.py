"""Sampler of a transformers model in this process, on a CPU or a GPU, with a decoding loop of our own.

It is several times faster than `model.generate` on the groups that CURE samples, for three reasons: a prompt is
computed and stored once for all samples of its request; rows leave the batch when they end and new groups take their
places; a token is drawn by inverting its distribution once. It has no CUDA graphs and no paged memory (vLLM has both).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from transformers import PreTrainedModel

from engine.errors import ConfigError, RunError
from engine.sampling.answer_text import answer_text
from engine.sampling.local.active_rows import Group
from engine.sampling.local.batch import Batch
from engine.sampling.local.decoder import Decoder
from engine.sampling.local.model_scope import ModelScope, without_adapters
from engine.sampling.local.plain_decoder import PlainDecoder
from engine.sampling.local.shared_attention import ATTENTION_NAME
from engine.sampling.local.shared_decoder import SharedDecoder, supports
from engine.sampling.protocol import Completion, OnDelta, Request, SamplingParams
from engine.sampling.stop_tokens import default_eos_ids

if TYPE_CHECKING:
    from peft import PeftModel


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that the sampler uses."""

    eos_token_id: int | None
    pad_token_id: int | None

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str: ...


class TransformersSampler:
    """A `Sampler` over a causal language model, with or without LoRA adapters.

    model: a transformers model or a peft model around one; every `sample` call uses its current weights.
    eos_ids: tokens that end a completion; by default the tokenizer's and the generation config's. () never stops early.
    pad_id: pads shorter prompts; masked from attention.
    max_batch: rows decoded at a time; further samples wait.
    merge_adapters: merge LoRA adapters into a copy of the adapted weights while sampling. Costs the copy's memory;
        False leaves the adapters active instead, which is slower and needs no copy.
    threads: CPU threads while sampling; None for torch's own number. Leave cores to the programs that run meanwhile:
        with all cores taken by matrix products that wait for each other, both slow down (2.5k instead of 5.2k tokens/s
        on two cores).
    stream_every: a delta holds at least this many tokens, except a sample's last one.
    """

    def __init__(
        self,
        model: PreTrainedModel | PeftModel,
        tokenizer: Tokenizer,
        *,
        eos_ids: Iterable[int] | None = None,
        pad_id: int | None = None,
        max_batch: int = 256,
        merge_adapters: bool = True,
        threads: int | None = None,
        stream_every: int = 8,
    ) -> None:
        if max_batch < 1:
            raise ConfigError(f"max_batch must be at least 1, got {max_batch}")
        self._model = model
        self._base = without_adapters(model)
        self._tokenizer = tokenizer
        self._eos_ids = frozenset(
            default_eos_ids(self._base.generation_config, tokenizer) if eos_ids is None else eos_ids
        )
        pad_ids = (pad_id, tokenizer.pad_token_id, 0)
        self._pad_id = next(candidate for candidate in pad_ids if candidate is not None)
        self._max_batch = max_batch
        self._merge_adapters = merge_adapters
        self._threads = threads
        self._stream_every = stream_every
        self._shares_prompts = supports(self._base)

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        """Yield completions as rows end, all of them with the weights at the time of this call.

        Between yields the model is as it was: adapters unmerged, its own attention and training mode in place.

        Raises:
            ConfigError: prompt and completion do not fit the model's context.
            RunError: GPU memory runs out, or the model's log-probs are NaN or infinite.
        """
        self._check(requests, params)
        rows = min(self._max_batch, sum(len(request.indices) for request in requests))
        decoder: Decoder
        if self._shares_prompts:
            decoder = SharedDecoder(self._base, self._pad_id, rows)
        else:
            decoder = PlainDecoder(self._base, self._pad_id)
        scope = ModelScope(
            self._model,
            attention=ATTENTION_NAME if self._shares_prompts else None,
            merge=self._merge_adapters,
            threads=self._threads,
        )
        stream_every = None if on_delta is None else self._stream_every
        batch = Batch(decoder, _groups(requests, self._max_batch), rows, params, self._eos_ids, stream_every)
        return self._completions(batch, scope, on_delta)

    def rest(self) -> None:
        """Do nothing: no memory is held between calls."""

    def close(self) -> None:
        """Do nothing: no memory is held between calls."""

    def _completions(self, batch: Batch, scope: ModelScope, on_delta: OnDelta | None) -> Iterator[Completion]:
        while not batch.done:
            # Both contexts close before a yield: the consumer may train in between, or abandon this generator.
            try:
                with scope, torch.inference_mode():
                    progress = batch.advance()
            except torch.OutOfMemoryError as error:
                raise RunError(
                    f"the GPU's memory ran out with {batch.rows} samples under way",
                    "lower the sampler's max_batch",
                ) from error
            if on_delta is not None:
                gone = {(sample.request_id, sample.index) for sample in progress.ended}
                for delta in progress.deltas:
                    if on_delta(delta) and (delta.request_id, delta.index) not in gone:
                        batch.end(delta.request_id, delta.index)
            for sample in progress.ended:
                yield Completion(
                    request_id=sample.request_id,
                    index=sample.index,
                    token_ids=sample.token_ids,
                    logprobs=sample.logprobs,
                    finished=sample.finished,
                    text=answer_text(self._tokenizer, sample.token_ids),
                )

    def _check(self, requests: Sequence[Request], params: SamplingParams) -> None:
        ids = [request.id for request in requests]
        if len(set(ids)) != len(ids):
            raise ValueError("two requests have the same id")
        context = getattr(self._base.config, "max_position_embeddings", None)
        longest = max((len(request.prompt_ids) for request in requests), default=0)
        if context is not None and longest + params.max_new_tokens > context:
            raise ConfigError(
                f"a prompt of {longest} tokens and {params.max_new_tokens} new ones exceed the context of {context}",
                "lower max_new_tokens or --max-tokens, or give shorter problems",
            )


def _groups(requests: Sequence[Request], max_rows: int) -> list[Group]:
    """Split requests into groups that fit a batch, longest prompts first: similar lengths need little padding."""
    by_length = sorted(requests, key=lambda request: -len(request.prompt_ids))
    return [
        Group(request, first, min(max_rows, last + 1 - first))
        for request in by_length
        for start, last in _ranges(request.indices)
        for first in range(start, last + 1, max_rows)
    ]


def _ranges(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of consecutive indices."""
    firsts = [index for index, before in zip(indices, (-2, *indices), strict=False) if index != before + 1]
    lasts = [index for index, after in zip(indices, (*indices[1:], -2), strict=False) if index + 1 != after]
    return list(zip(firsts, lasts, strict=True))
