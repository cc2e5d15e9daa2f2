"""Partial sample: the tokens drawn so far, and how many of them were streamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.sampling.protocol import Completion, Delta, Request

UNDER_WAY, ENDED_BY_STOP_TOKEN, ENDED_BY_LENGTH = 0, 1, 2


@dataclass(eq=False)
class SampleUnderWay:
    """Sample `index` of `request`. `streamed`: number of tokens already sent as deltas."""

    request: Request
    index: int
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    streamed: int = 0
    ended: int = UNDER_WAY

    def extend(self, token_ids: Sequence[int], logprobs: Sequence[float], ended: int) -> None:
        self.token_ids += token_ids
        self.logprobs += logprobs
        self.ended = ended

    def begin_anew(self) -> None:
        """Drop the tokens but keep `streamed`.

        The sample restarts with the same seed, so its deltas continue where they stopped.
        """
        self.token_ids.clear()
        self.logprobs.clear()

    def take_delta(self, at_least: int) -> Delta | None:
        """Return the tokens drawn since the last delta; None where they are fewer than `at_least`."""
        first = self.streamed
        if len(self.token_ids) - first < at_least:
            return None
        self.streamed = len(self.token_ids)
        return Delta(self.request.id, self.index, tuple(self.token_ids[first:]))

    def completion(self, text: str) -> Completion:
        return Completion(
            request_id=self.request.id,
            index=self.index,
            token_ids=tuple(self.token_ids),
            logprobs=tuple(self.logprobs),
            finished=self.ended == ENDED_BY_STOP_TOKEN,
            text=text,
        )
