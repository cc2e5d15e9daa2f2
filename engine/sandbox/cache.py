"""LRU cache of outcomes by (program, input), so that identical pairs run once while the executor lives."""

from __future__ import annotations

import hashlib
import struct
from collections import OrderedDict

from engine.sandbox.outcome import Outcome

_OVERHEAD_BYTES = 400  # of an entry without output: digest, Outcome, dictionary slot


def pair_digest(source: bytes, text: bytes, cpu_seconds: float) -> bytes:
    """Hash one execution under one time limit to 16 bytes. The source's length keeps the two parts unambiguous."""
    digest = hashlib.blake2b(struct.pack("<Qd", len(source), cpu_seconds), digest_size=16)
    digest.update(source)
    digest.update(text)
    return digest.digest()


class OutcomeCache:
    """LRU cache of at most `max_bytes`. Not thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._outcomes: OrderedDict[bytes, Outcome] = OrderedDict()

    def __len__(self) -> int:
        return len(self._outcomes)

    def get(self, digest: bytes) -> Outcome | None:
        outcome = self._outcomes.get(digest)
        if outcome is not None:
            self._outcomes.move_to_end(digest)
        return outcome

    def put(self, digest: bytes, outcome: Outcome) -> None:
        self._forget(digest)
        self._outcomes[digest] = outcome
        self._bytes += _size(outcome)
        while self._bytes > self._max_bytes and self._outcomes:
            self._forget(next(iter(self._outcomes)))

    def _forget(self, digest: bytes) -> None:
        outcome = self._outcomes.pop(digest, None)
        if outcome is not None:
            self._bytes -= _size(outcome)


def _size(outcome: Outcome) -> int:
    return _OVERHEAD_BYTES + len(outcome.stdout) + len(outcome.stderr_tail)
