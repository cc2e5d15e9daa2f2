"""Restarts and swap time of samplers that hold a copy of the weights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Swaps:
    """Base of samplers that sleep, wake and load the new adapter after every update.

    restarts: how often the sampling process died or hung and was restarted, or a server was lost.
    """

    def __init__(self) -> None:
        self.restarts = 0
        self._swap_seconds = 0.0

    def take_swap_seconds(self) -> float:
        """Return the seconds spent on start, sleep, wake, adapters and canaries since the last call."""
        taken, self._swap_seconds = self._swap_seconds, 0.0
        return taken

    @contextmanager
    def _swap_clock(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._swap_seconds += time.monotonic() - started
