"""Protocol of a sampler and its types: requests in, completions out, the same for every implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """The distribution to sample from and when to stop.

    temperature: logits are divided by it; 0 takes the likeliest token.
    top_p: nucleus sampling: draw from the smallest set of likeliest tokens with at least this mass (ties at its edge
        included).
    max_new_tokens: a completion of this many tokens without a stop token is truncated.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = 128

    def __post_init__(self) -> None:
        if self.temperature < 0.0:
            raise ValueError(f"temperature must not be negative, got {self.temperature}")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p must lie in (0, 1], got {self.top_p}")
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {self.max_new_tokens}")

    def at(self, temperature: float | None) -> SamplingParams:
        """Return the same parameters at another temperature; None leaves it as it is."""
        return self if temperature is None else replace(self, temperature=temperature)


@dataclass(frozen=True, slots=True)
class Request:
    """A group: `n` samples of one prompt. Sample `index` draws from the random stream (seed, index) alone.

    absent: indices of 0..n-1 that are not to be sampled: their answers are known already.
    """

    id: str
    prompt_ids: tuple[int, ...]
    n: int
    seed: int
    absent: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not self.prompt_ids:
            raise ValueError(f"request {self.id!r} has an empty prompt")
        if self.n < 1:
            raise ValueError(f"request {self.id!r} asks for {self.n} samples")

    @property
    def indices(self) -> tuple[int, ...]:
        """Indices of the samples to draw, ascending."""
        return tuple(index for index in range(self.n) if index not in self.absent)


@dataclass(frozen=True, slots=True)
class Completion:
    """One finished or truncated sample.

    token_ids: the sampled tokens; the last one is the stop token when `finished`.
    logprobs: fp32, of each sampled token under the distribution it was drawn from (temperature and top-p applied).
    finished: False when `max_new_tokens` cut it off.
    text: the decoded tokens without special tokens.
    """

    request_id: str
    index: int
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool
    text: str


@dataclass(frozen=True, slots=True)
class Delta:
    """The tokens a sample has gained since its last delta; all deltas of a sample make up its completion."""

    request_id: str
    index: int
    token_ids: tuple[int, ...]


OnDelta: TypeAlias = Callable[[Delta], bool | None]
"""Receiver of deltas. True: the sample is wanted as it is, and a sampler that can ends it there, not `finished`."""


class AdapterSource(Protocol):
    """Owner of the trained weights, for samplers that hold a copy of them: `engine.policy.Policy` is one."""

    @property
    def weights_version(self) -> int:
        """Version of the adapters, new after every change of them: a copy with another version is stale."""
        ...

    def export_adapter(self, path: Path) -> None:
        """Write adapter_model.safetensors and adapter_config.json into the folder `path`."""
        ...


class Sampler(Protocol):
    """Source of completions; deterministic in (requests, params, weights)."""

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        """Yield each completion as soon as it ends, in any order: its program can run while others are sampled."""
        ...

    def rest(self) -> None:
        """Release the memory that an update needs. The next `sample` takes it again and uses the current weights."""
        ...

    def close(self) -> None:
        """Release all resources; the sampler must not be used afterwards."""
        ...
