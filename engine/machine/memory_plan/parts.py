"""Types of a memory plan: named parts in bytes, phases with their peaks, and the whole plan for a card."""

from __future__ import annotations

from dataclasses import dataclass

from engine.machine.memory_plan.calibration import GIB, OCCUPANCY
from engine.machine.memory_plan.shape import ModelShape


@dataclass(frozen=True)
class Part:
    """Item that takes GPU memory."""

    name: str
    bytes: float

    @property
    def gib(self) -> float:
        return self.bytes / GIB


@dataclass(frozen=True)
class Phase:
    """Phase of a step, sampling or update: parts that exist at the same time."""

    name: str
    parts: tuple[Part, ...]

    @property
    def peak_gib(self) -> float:
        return sum(part.bytes for part in self.parts) / GIB


@dataclass(frozen=True)
class KvCache:
    """Keys and values of the sequences being sampled.

    least_bytes: below this the run is not worth starting: one longest answer, and LEAST_SEQUENCES in practice.
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
        """Number of sequences of the longest length that fit at the same time."""
        return min(self.tokens / self.longest_sequence, float(self.most_sequences))

    @property
    def usual_sequences(self) -> int:
        """Number of sequences that run at the same time in practice, each at OCCUPANCY of the longest length."""
        return min(int(self.tokens / (OCCUPANCY * self.longest_sequence)), self.most_sequences)


@dataclass(frozen=True)
class MemoryPlan:
    """Memory of both phases of a configuration on a card; the KV cache takes what sampling leaves.

    gpu_gib: all of the card; free_gib: what other processes leave of it, None if unknown. host: host memory, all at
    the same time, in bytes.
    """

    model: str
    shape: ModelShape
    gpu_gib: float
    sampling: Phase
    update: Phase
    kv_cache: KvCache | None  # None: sampling runs on other GPUs
    host: tuple[Part, ...]
    free_gib: float | None = None
    on_cpu: bool = False  # the "card" is the machine's own memory

    @property
    def room_gib(self) -> float:
        """GiB of the card that the run may take: what is free, if that is known."""
        return self.gpu_gib if self.free_gib is None else min(self.gpu_gib, self.free_gib)

    @property
    def host_gib(self) -> float:
        return sum(part.bytes for part in self.host) / GIB

    @property
    def needed_gib(self) -> float:
        """GiB of the smallest card for this run: the larger phase, with the least KV cache."""
        return max(self.sampling_needed_gib, self.update.peak_gib)

    @property
    def sampling_needed_gib(self) -> float:
        if self.kv_cache is None:
            return self.sampling.peak_gib
        return self.sampling.peak_gib - (self.kv_cache.bytes - self.kv_cache.least_bytes) / GIB

    @property
    def fits(self) -> bool:
        return self.needed_gib <= self.room_gib

    @property
    def spare_gib(self) -> float:
        """GiB that the larger phase leaves free; negative if the card is too small."""
        return self.room_gib - self.needed_gib
