"""State of the samples being decoded: their tokens, log-probs and random numbers, and how much was streamed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.sampling.local.random_streams import uniform_stream
from engine.sampling.protocol import Delta, Request

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Group:
    """Samples `first` to `first + count - 1` of a request, decoded together."""

    request: Request
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A completed sample: the fields of `Completion` except its text."""

    request_id: str
    index: int
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


class ActiveRows:
    """Arrays with one row per sample, dense from 0; row i is the decoder's row i.

    All arrays are allocated once for the largest batch: growing them would copy at every step.
    """

    def __init__(self, max_rows: int, max_new_tokens: int) -> None:
        self.count = 0
        self._request_ids: list[str] = [""] * max_rows
        self._index_b = np.zeros(max_rows, dtype=np.int64)
        self._length_b = np.zeros(max_rows, dtype=np.int64)
        self._streamed_b = np.zeros(max_rows, dtype=np.int64)
        self._token_bs = np.zeros((max_rows, max_new_tokens), dtype=np.int64)
        self._logprob_bs = np.zeros((max_rows, max_new_tokens), dtype=np.float32)
        self._uniform_bs = np.zeros((max_rows, max_new_tokens), dtype=np.float64)

    def add(self, group: Group) -> None:
        for index in range(group.first, group.first + group.count):
            row = self.count
            self._request_ids[row] = group.request.id
            self._index_b[row] = index
            self._length_b[row] = self._streamed_b[row] = 0
            self._uniform_bs[row] = uniform_stream(group.request.seed, index, self._uniform_bs.shape[1])
            self.count += 1

    def uniforms_from(self, first: int) -> npt.NDArray[np.float64]:
        """Return, for each row from `first` on, the number in [0, 1) that draws its next token."""
        rows = np.arange(first, self.count)
        return self._uniform_bs[rows, self._length_b[rows]]

    def append_from(self, first: int, token_b: IntArray, logprob_b: npt.NDArray[np.float32]) -> None:
        """Give each row from `first` on its next token."""
        rows = np.arange(first, self.count)
        self._token_bs[rows, self._length_b[rows]] = token_b
        self._logprob_bs[rows, self._length_b[rows]] = logprob_b
        self._length_b[rows] += 1

    def last_tokens_b(self) -> IntArray:
        rows = np.arange(self.count)
        return self._token_bs[rows, self._length_b[rows] - 1]

    def full_b(self) -> npt.NDArray[np.bool_]:
        """Return a mask of the rows that hold `max_new_tokens` tokens."""
        full_b: npt.NDArray[np.bool_] = self._length_b[: self.count] == self._token_bs.shape[1]
        return full_b

    def of_b(self, samples: Collection[tuple[str, int]]) -> npt.NDArray[np.bool_]:
        """Return a mask of the rows of these samples, each named by request id and index."""
        keys = zip(self._request_ids[: self.count], self._index_b[: self.count].tolist(), strict=True)
        return np.array([key in samples for key in keys], dtype=np.bool_)

    def sample(self, row: int, *, finished: bool) -> Sample:
        length = self._length_b[row]
        return Sample(
            request_id=self._request_ids[row],
            index=int(self._index_b[row]),
            token_ids=tuple(self._token_bs[row, :length].tolist()),
            logprobs=tuple(self._logprob_bs[row, :length].tolist()),
            finished=finished,
        )

    def take_deltas(self, at_least: int, ended_b: npt.NDArray[np.bool_]) -> Iterator[Delta]:
        """Yield the tokens a row gained since its last delta, once they are `at_least` or the row has ended."""
        gained_b = self._length_b[: self.count] - self._streamed_b[: self.count]
        for row in np.flatnonzero((gained_b >= at_least) | ended_b).tolist():
            first, last = int(self._streamed_b[row]), int(self._length_b[row])
            self._streamed_b[row] = last
            tokens = tuple(self._token_bs[row, first:last].tolist())
            yield Delta(self._request_ids[row], int(self._index_b[row]), tokens)

    def drop_rows(self, targets_b: IntArray, sources_b: IntArray, remaining: int) -> None:
        """Move rows `sources_b` onto `targets_b`, then keep the first `remaining` rows."""
        for target, source in zip(targets_b.tolist(), sources_b.tolist(), strict=True):
            self._request_ids[target] = self._request_ids[source]
        for array in (
            self._index_b,
            self._length_b,
            self._streamed_b,
            self._token_bs,
            self._logprob_bs,
            self._uniform_bs,
        ):
            array[targets_b] = array[sources_b]
        self.count = remaining
