"""What a plan is made of: named parts in bytes, a peak per phase, and the verdict on a card."""

from __future__ import annotations

from dataclasses import dataclass

from engine.machine.memory_plan.calibration import GIB, OCCUPANCY
from engine.machine.memory_plan.shape import ModelShape


@dataclass(frozen=True)
class Part:
    """One thing that takes memory on the GPU."""

    name: str
    bytes: float

    @property
    def gib(self) -> float:
        return self.bytes / GIB


@dataclass(frozen=True)
class Phase:
    """Sampling or update: parts that are there at the same time."""

    name: str
    parts: tuple[Part, ...]

    @property
    def peak_gib(self) -> float:
        return sum(part.bytes for part in self.parts) / GIB


@dataclass(frozen=True)
class KvCache:
    """Keys and values of the sequences being sampled.

    least_bytes: without so much the run is not worth starting: a whole longest answer, and some sequences at a time.
    """

    bytes: float
    least_bytes: float
    bytes_per_token: int
    longest_sequence: int  # tokens: longest prompt and longest answer
    most_sequences: int  # rollout.max_batch

    @property
    def tokens(self) -> int:
        return int(self.bytes // self.bytes_per_token)

    @property
    def whole_sequences(self) -> float:
        """Sequences of the longest length that fit at the same time."""
        return min(self.tokens / self.longest_sequence, float(self.most_sequences))

    @property
    def usual_sequences(self) -> int:
        """Sequences that run at the same time in practice, where each holds OCCUPANCY of the longest length."""
        return min(int(self.tokens / (OCCUPANCY * self.longest_sequence)), self.most_sequences)


@dataclass(frozen=True)
class MemoryPlan:
    """Both phases of a configuration on a card of `gpu_gib`; sampling with the KV cache that is left there."""

    model: str
    shape: ModelShape
    gpu_gib: float
    sampling: Phase
    update: Phase
    kv_cache: KvCache | None  # None: sampling does not happen on this GPU
    host_gib: float  # in the machine's own memory: weights of a sleeping vLLM

    @property
    def needed_gib(self) -> float:
        """The smallest card on which this runs: the larger phase, with the least KV cache."""
        return max(self.sampling_needed_gib, self.update.peak_gib)

    @property
    def sampling_needed_gib(self) -> float:
        if self.kv_cache is None:
            return self.sampling.peak_gib
        return self.sampling.peak_gib - (self.kv_cache.bytes - self.kv_cache.least_bytes) / GIB

    @property
    def fits(self) -> bool:
        return self.needed_gib <= self.gpu_gib

    @property
    def spare_gib(self) -> float:
        """What the larger phase leaves of the card; below 0, what is missing."""
        return self.gpu_gib - self.needed_gib
