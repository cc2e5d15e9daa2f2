"""What samplers that hold a copy of the weights tell of its upkeep."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Swaps(Protocol):
    """A sampler that sleeps, wakes and takes over the adapter anew after every update."""

    restarts: int
    """How often what samples died or hung and was started again."""

    def take_swap_seconds(self) -> float:
        """Seconds spent on anything but sampling since this was last asked."""
        ...
