"""Continuous batching, one step at a time: groups enter, every row draws a token, rows that end leave."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.errors import RunError
from engine.sampling.local.active_rows import ActiveRows, Group, Sample
from engine.sampling.local.decoder import Decoder
from engine.sampling.local.shared_kv import swaps_that_compact
from engine.sampling.local.token_choice import choose_tokens
from engine.sampling.protocol import Delta, SamplingParams


@dataclass(frozen=True, slots=True)
class DecodingStep:
    """Gain of one pass through the model: the samples that ended, and the tokens to stream."""

    ended: tuple[Sample, ...]
    deltas: tuple[Delta, ...]


class Batch:
    """Queue of groups and the rows being decoded.

    stream_every: a delta holds at least this many tokens; None: no deltas.
    """

    def __init__(
        self,
        decoder: Decoder,
        groups: Sequence[Group],
        max_rows: int,
        params: SamplingParams,
        eos_ids: frozenset[int],
        stream_every: int | None,
    ) -> None:
        self._decoder = decoder
        self._waiting = deque(groups)
        self._max_rows = max_rows
        self._params = params
        self._eos_ids = np.array(sorted(eos_ids), dtype=np.int64)
        self._stream_every = stream_every
        self._rows = ActiveRows(max_rows, params.max_new_tokens)
        self._unwanted: set[tuple[str, int]] = set()

    @property
    def rows(self) -> int:
        return self._rows.count

    @property
    def done(self) -> bool:
        return not self._waiting and not self._rows.count

    def end(self, request_id: str, index: int) -> None:
        """End a sample with its next token."""
        self._unwanted.add((request_id, index))

    def advance(self) -> DecodingStep:
        """Let groups in, or else feed every row its latest token; draw; take out the rows that end."""
        entering = self._take_groups_that_fit()
        if entering:
            first = self._rows.count
            for group in entering:
                self._rows.add(group)
            counts = [group.count for group in entering]
            logits_gv = self._decoder.admit([group.request.prompt_ids for group in entering], counts)
            logits_bv = logits_gv.repeat_interleave(torch.tensor(counts, device=logits_gv.device), dim=0)
        else:
            first = 0
            logits_bv = self._decoder.step(self._rows.last_tokens_b())
        self._draw(first, logits_bv)
        return self._collect()

    def _take_groups_that_fit(self) -> list[Group]:
        """Take waiting groups, a quarter of the batch at least: one prompt costs nearly as much as several."""
        free = self._max_rows - self._rows.count
        if self._rows.count and not self._decoder.admits_midway:
            return []
        if free < min(self._max_rows // 4, sum(group.count for group in self._waiting)):
            return []
        entering = []
        while self._waiting and self._waiting[0].count <= free:
            entering.append(self._waiting.popleft())
            free -= entering[-1].count
        return entering

    def _draw(self, first: int, logits_bv: torch.Tensor) -> None:
        uniform_b = torch.from_numpy(self._rows.uniforms_from(first)).to(logits_bv.device)
        token_b, logprob_b = choose_tokens(logits_bv, uniform_b, self._params)
        logprobs = logprob_b.cpu().numpy()
        if not np.isfinite(logprobs).all():
            raise RunError(
                "the model's log-probs are NaN or infinite",
                "its weights have diverged: resume from an earlier checkpoint with a lower learning rate",
            )
        self._rows.append_from(first, token_b.cpu().numpy(), logprobs)

    def _collect(self) -> DecodingStep:
        finished_b = np.isin(self._rows.last_tokens_b(), self._eos_ids)
        ended_b = finished_b | self._rows.full_b()
        if self._unwanted:
            ended_b |= self._rows.of_b(self._unwanted)
            self._unwanted.clear()
        deltas: tuple[Delta, ...] = ()
        if self._stream_every is not None:
            deltas = tuple(self._rows.take_deltas(self._stream_every, ended_b))
        ended = tuple(
            self._rows.sample(row, finished=bool(finished_b[row])) for row in np.flatnonzero(ended_b).tolist()
        )
        if ended:
            targets_b, sources_b, remaining = swaps_that_compact(~ended_b)
            self._rows.drop_rows(targets_b, sources_b, remaining)
            self._decoder.drop_rows(targets_b, sources_b, remaining)
        return DecodingStep(ended, deltas)
