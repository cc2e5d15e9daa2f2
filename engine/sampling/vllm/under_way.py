"""Unfinished samples of one call, and the order that makes the worker draw them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.sampling.protocol import Request, SamplingParams
from engine.sampling.sample_under_way import UNDER_WAY, SampleUnderWay
from engine.sampling.vllm.wire import Job, Sample, StepOutput
from engine.seeds import derive_seed


class UnderWay:
    """Samples of one call, numbered from `after` + 1 on, so that late output of an earlier call matches none."""

    def __init__(
        self, requests: Sequence[Request], params: SamplingParams, stop_ids: tuple[int, ...], after: int
    ) -> None:
        self._params, self._stop_ids = params, stop_ids
        self.last_number = after
        self._prompts = tuple(request.prompt_ids for request in requests)
        self._places = {request.id: place for place, request in enumerate(requests)}
        self._samples: dict[int, SampleUnderWay] = {}
        for request in requests:
            for index in request.indices:
                self.last_number += 1
                self._samples[self.last_number] = SampleUnderWay(request, index)

    @property
    def count(self) -> int:
        """Number of samples that have not ended."""
        return len(self._samples)

    def order(self, *, base: bool = False) -> Sample:
        """Build the order for all unfinished samples; each restarts from its first token."""
        for sample in self._samples.values():
            sample.begin_anew()
        jobs = tuple(
            Job(number, self._places[sample.request.id], derive_seed(sample.request.seed, "sample", sample.index))
            for number, sample in self._samples.items()
        )
        params = self._params
        return Sample(
            self._prompts, jobs, params.temperature, params.top_p, params.max_new_tokens, self._stop_ids, base
        )

    def take(self, output: StepOutput) -> Iterator[SampleUnderWay]:
        """Yield the samples that gained tokens in a step; forget those that ended."""
        tokens, logprobs = output.tokens.tolist(), output.logprobs.tolist()
        first = 0
        for number, length, ended in zip(
            output.number_b.tolist(), output.length_b.tolist(), output.ended_b.tolist(), strict=True
        ):
            last = first + length
            sample = self._samples.get(number)
            if sample is not None:
                sample.extend(tokens[first:last], logprobs[first:last], ended)
                if ended != UNDER_WAY:
                    del self._samples[number]
                yield sample
            first = last
