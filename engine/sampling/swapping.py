"""What samplers that hold a copy of the weights tell of its upkeep."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Swaps:
    """A sampler that sleeps, wakes and takes over the adapter anew after every update.

    restarts: how often what samples died or hung and was started again, or was lost.
    """

    def __init__(self) -> None:
        self.restarts = 0
        self._swap_seconds = 0.0

    def take_swap_seconds(self) -> float:
        """Seconds spent on anything but sampling (start, sleep, wake, adapters, canaries) since this was last asked."""
        taken, self._swap_seconds = self._swap_seconds, 0.0
        return taken

    @contextmanager
    def _swap_clock(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._swap_seconds += time.monotonic() - started
