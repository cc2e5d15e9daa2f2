"""Sampler on a Tinker server: the engine that trains also samples, whole groups at a time.

All groups of a call are submitted at once: a serial engine would otherwise split them into small batches. There are no
deltas; while a group is sampled, its answers are reported as waiting, and then whole.

After every change of the weights comes a canary: an answer of a few tokens, whose log-probs the trainer must give, too.
Sampling from stale weights looks healthy for hours, because the importance weights hide it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import RunError
from engine.policy.samples import TrainSample
from engine.policy.tinker.client import SEEDS, Sampled, SamplerHandle
from engine.policy.tinker.learner import TinkerLearner
from engine.sampling.adapters import Agreement, Reading
from engine.sampling.answer_text import answer_text
from engine.sampling.protocol import Completion, Delta, OnDelta, Request, SamplingParams
from engine.sampling.swapping import Swaps
from engine.seeds import derive_seed

CANARY_TOKENS = 16
WAIT_SECONDS = 0.5
"""Between two reports that answers are waited for."""
SILENT_SECONDS = 7200.0
"""Without a finished group, after which the engine counts as hung though its server answers."""
LATER_FACTOR = 4.0
"""Factor on the bound of agreement: a few tokens of a trained policy are a noisy estimate."""


@dataclass(frozen=True)
class _Asked:
    """Samples `first` ... `first + n - 1` of a request, under way."""

    request: Request
    first: int
    n: int
    future: Future[Any]


class TinkerSampler(Swaps):
    """A `Sampler` whose weights are the learner's, on the same server.

    stop_ids: tokens that end a completion. canary_prompt: a prompt of the run. agreement: between sampler and trainer.
    A completion's log-probs are those at temperature 1 without top-p, whatever it was drawn at.
    """

    def __init__(
        self,
        learner: TinkerLearner,
        tokenizer: Any,
        *,
        stop_ids: tuple[int, ...],
        canary_prompt: tuple[int, ...],
        agreement: Agreement,
    ) -> None:
        super().__init__()
        self._learner, self._tokenizer, self._stop_ids = learner, tokenizer, stop_ids
        self._canary_prompt, self._agreement = canary_prompt, agreement
        self._handle: SamplerHandle | None = None
        self._version: int | None = None
        self._last: tuple[Reading, tuple[float, ...]] | None = None
        self._call: object = None

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        """Submit all requests, and yield the completions of each as it ends.

        Raises:
            ConfigError: prompt and answer do not fit into the model's context.
            RunError: the server is lost, or samples from other weights than the learner's.
        """
        ids = [request.id for request in requests]
        if len(set(ids)) != len(ids):
            raise ValueError("two requests have the same id")
        with self._swap_clock():
            handle = self._current()
        asked = [
            _Asked(request, first, n, self._ask(handle, request.prompt_ids, n, params, request_seed(request) + first))
            for request in requests
            for first, n in runs_of(request.indices)
        ]
        call = self._call = object()
        return self._completions(call, asked, params, on_delta)

    def rest(self) -> None:
        """Abandon the samples of the current call. No memory of this machine is held."""
        self._call = None

    def close(self) -> None:
        """Abandon the samples of the current call; the learner closes the connection."""
        self._call = None

    def _completions(
        self, call: object, asked: list[_Asked], params: SamplingParams, on_delta: OnDelta | None
    ) -> Iterator[Completion]:
        pending = {each.future: each for each in asked}
        client, heard = self._learner.client, time.monotonic()
        lost = client.connection.lost
        while pending:
            if self._call is not call:
                raise RuntimeError("a later call of sample, rest or close has abandoned these samples")
            if on_delta is not None:
                _report_waiting(pending.values(), on_delta)
            done, _ = wait([*pending, lost], WAIT_SECONDS, FIRST_COMPLETED)
            if lost in done:
                lost.result()  # raises: no future of the SDK's ends once the server is gone
            if not done and time.monotonic() - heard > SILENT_SECONDS:
                raise RunError(
                    f"{client.url} has sampled nothing for {SILENT_SECONDS / 3600:g} hours",
                    "look into the server's log, then resume the run",
                )
            for future in [each for each in pending if each in done]:
                heard, each = time.monotonic(), pending.pop(future)
                answers = client.sampled(future, each.n, params, self._stop_ids)
                for place, answer in enumerate(answers):
                    yield self._completion(each, each.first + place, answer, on_delta)

    def _completion(self, asked: _Asked, index: int, answer: Sampled, on_delta: OnDelta | None) -> Completion:
        self._learner.count_positions(len(asked.request.prompt_ids) + len(answer.token_ids))
        if on_delta is not None:
            on_delta(Delta(asked.request.id, index, answer.token_ids))
        text = answer_text(self._tokenizer, answer.token_ids)
        return Completion(asked.request.id, index, answer.token_ids, answer.logprobs, answer.finished, text)

    # Weights ----------------------------------------------------------------------------------------------------

    def _current(self) -> SamplerHandle:
        """Return a handle on the learner's present weights, verified by the canary if they are new."""
        if self._handle is None or self._version != self._learner.weights_version:
            self._handle, self._version = None, self._learner.weights_version
            handle = self._learner.sync()
            self._check(handle)
            self._handle = handle
        return self._handle

    def _check(self, handle: SamplerHandle) -> None:
        """Raise RunError unless the sampler's log-probs are the trainer's, and have moved if those have."""
        params = SamplingParams(max_new_tokens=CANARY_TOKENS)
        future = self._ask(handle, self._canary_prompt, 1, params, seed=1)
        (answer,) = self._learner.client.sampled(future, 1, params, self._stop_ids)
        reading = Reading(answer.token_ids, answer.logprobs)
        before = [] if self._last is None else [self._last[0].token_ids]
        scores, *earlier = self._trainer_logprobs([reading.token_ids, *before])
        gap = _distance(scores, reading.logprobs)
        if not gap <= self._agreement.bound * LATER_FACTOR:
            raise self._stale(f"its log-probs of the same tokens are {gap:.2g} nats from the trainer's")
        if self._last is not None:
            moved = _distance(earlier[0], self._last[1])
            if moved > self._agreement.noise and reading == self._last[0]:
                raise self._stale(f"the trainer's log-probs moved by {moved:.2g} nats, the sampler's not at all")
        self._last = reading, scores

    def _trainer_logprobs(self, answers: Sequence[tuple[int, ...]]) -> list[tuple[float, ...]]:
        return self._learner.logprobs(
            [TrainSample(self._canary_prompt, ids, (0.0,) * len(ids), advantage=0.0, role="coder") for ids in answers]
        )

    def _ask(
        self, handle: SamplerHandle, prompt_ids: tuple[int, ...], n: int, params: SamplingParams, seed: int
    ) -> Future[Any]:
        return self._learner.client.sample(handle, prompt_ids, n, params, self._stop_ids, seed)

    def _stale(self, finding: str) -> RunError:
        return RunError(
            f"the server at {self._learner.client.url} does not sample from the policy's weights: {finding}",
            "no other client may sample from this run's model; resume the run",
        )


def _report_waiting(asked: Iterable[_Asked], on_delta: OnDelta) -> None:
    """Report every answer under way as one without tokens: those who watch see what is waited for, and that it is."""
    for each in asked:
        for index in range(each.first, each.first + each.n):
            on_delta(Delta(each.request.id, index, ()))


def request_seed(request: Request) -> int:
    """Fold a request's 63-bit seed into those of a server, whose sample i draws from seed + i.

    Hashed: of two neighbouring seeds, the answers of one group would else be those of the other, moved by one. There
    are 2^31 seeds, so the groups of a step overlap with a chance below one in ten thousand.
    """
    return derive_seed(request.seed, "tinker") % (SEEDS - request.n)


def runs_of(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Split ascending indices into runs (first, length) without a gap."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and sum(runs[-1]) == index:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((index, 1))
    return runs


def _distance(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the mean of |difference|, in nats."""
    return float(np.abs(np.subtract(first, second)).mean())
