"""Room that a run may plan with: what is free on the card, in host memory and on the disk, and the cores."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from engine.machine.cards import Gpu
from engine.machine.probe import Machine
from engine.machine.process_environment import pinned_threshold_mb


@dataclass(frozen=True)
class Room:
    """Room on one machine; sizes in GiB.

    gpu: the card of the run, None for a run on the CPU. is_assumed: the card was named by its size and is not here, so
    nothing is known of its machine. pinned_threshold_mb: as of `memory_plan.host.pinned_bytes`.
    """

    gpu: Gpu | None
    memory_gib: float
    free_memory_gib: float
    disk_free_gib: float
    cores: int
    is_assumed: bool = False
    pinned_threshold_mb: int | None = None

    @classmethod
    def of(cls, machine: Machine) -> Room:
        """Return the room of a machine, on the card that a run would choose."""
        threshold = pinned_threshold_mb(os.environ)
        return cls(
            machine.card,
            machine.memory_gb,
            machine.free_memory_gb,
            machine.disk_free_gb,
            machine.cores,
            pinned_threshold_mb=threshold,
        )

    def with_card(self, gib: float) -> Room:
        """Return the room with another card, of which all is free; its machine is not this one."""
        return replace(self, gpu=Gpu(f"a card of {gib:g} GiB", gib, gib), is_assumed=True)
