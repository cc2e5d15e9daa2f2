"""Watchdog of a server: a thread that asks for its health and ends the run when there is none.

The SDK retries a dead server without an error and without an end. A server that refuses the connection is gone, and
three times of that end the run. One that is silent may be busy, or the network may be cut: it is given three minutes,
less than the five after which the server drops the models of a client that it hears nothing from.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress

from engine.errors import CureError, RunError
from engine.policy.tinker.faults import RESUME, ServerSaid
from engine.policy.tinker.requests import Requests
from engine.servers.client import RequestFault, Trouble

EVERY_SECONDS = 10.0
MISSES = 3
SILENT_SECONDS = 180.0
_ANSWER_SECONDS = 10.0
_SILENT = (Trouble.TOO_SLOW, Trouble.SILENT)


class HealthRecord:
    """Record of health requests, by which a server counts as lost. now: seconds of a monotonic clock."""

    def __init__(self, now: float) -> None:
        self._misses, self._heard = 0, now

    def answered(self, now: float) -> None:
        self._misses, self._heard = 0, now

    def failed(self, fault: RequestFault | ServerSaid, now: float) -> bool:
        """Return True if the server is lost: it refused MISSES requests in a row, or was not heard for too long."""
        self._misses += not (isinstance(fault, RequestFault) and _silent(fault))
        return self._misses >= MISSES or now - self._heard > SILENT_SECONDS


class Watchdog:
    """Thread that watches one server. `lost`: a future that gets the error once the server is lost, or misbehaves."""

    def __init__(self, requests: Requests, every_seconds: float = EVERY_SECONDS) -> None:
        self.lost: Future[None] = Future()
        self._requests, self._every = requests, every_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="tinker watchdog", daemon=True)
        self._thread.start()

    def give_up(self, fault: CureError) -> None:
        """End all waiting with `fault`, the first one given."""
        with suppress(InvalidStateError):
            self.lost.set_exception(fault)

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        record = HealthRecord(time.monotonic())
        while not self._ended.wait(self._every) and not self.lost.done():
            try:
                self._requests.health(_ANSWER_SECONDS)
            except (RequestFault, ServerSaid) as fault:
                if record.failed(fault, time.monotonic()):
                    said = fault.said if isinstance(fault, RequestFault) else str(fault)
                    self.give_up(RunError(f"the engine at {self._requests.url} is lost: {said}", RESUME))
            else:
                record.answered(time.monotonic())


def _silent(fault: RequestFault) -> bool:
    """Tell a server without an answer, or a network without a way, from one that has nobody listening."""
    unreachable = ("unreachable", "no route", "timed out", "timeout")
    return fault.trouble in _SILENT or any(word in fault.said.lower() for word in unreachable)
