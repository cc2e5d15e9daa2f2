"""Runs of an executor, cut into batches of executions."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from engine.sandbox.launch import Setup
from engine.sandbox.limits import Limits
from engine.sandbox.outcome import Outcome
from engine.sandbox.peers import Peers

_MAX_BATCH_BYTES = 64 << 20


class Run:
    """One call of `submit` and its outcomes so far. The executor's lock guards all fields but `future`."""

    def __init__(self, count: int, limits: Limits, peers: Peers | None) -> None:
        self.limits = limits
        self.peers = peers
        self.future: Future[list[Outcome]] = Future()
        self.outcomes: list[Outcome | None] = [None] * count
        self.missing = count
        self.strikes = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One execution to do; `key` finds all runs that wait for it: those of other peers wait for one of their own."""

    digest: bytes
    text: bytes
    peers: Peers | None

    @property
    def key(self) -> tuple[bytes, Peers | None]:
        return self.digest, self.peers


@dataclass(frozen=True, slots=True)
class Batch:
    """Executions of one program, done by one cell in one request.

    `limits`: those of this try. `tried`: of a job that has used up the time of an earlier try, that try's outcome.
    """

    run: Run
    source: bytes
    setup: Setup
    jobs: list[Job]
    limits: Limits
    tried: Outcome | None = None


def encode(text: str) -> bytes:
    """Encode as UTF-8; lone surrogates, which UTF-8 lacks, with `surrogatepass`."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def cut_into_batches(jobs: list[Job], size: int) -> list[list[Job]]:
    """Cut into pieces of at most `size` jobs and _MAX_BATCH_BYTES of input (a single job may be larger)."""
    pieces: list[list[Job]] = []
    room = 0
    for job in jobs:
        if not pieces or len(pieces[-1]) >= size or len(job.text) > room:
            pieces.append([])
            room = _MAX_BATCH_BYTES
        pieces[-1].append(job)
        room -= len(job.text)
    return pieces
