"""Transient file of the answers being sampled, for the wall of rollouts: at most 15 Hz, never a reason to fail."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.runs.files import read_file, remove_file, write_file
from engine.runs.values import has_declared_types

TAIL_CHARS = 600
MAX_HZ = 15.0
SLOTS = 32
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LiveSlot:
    """Answer on the wall.

    tail     its last TAIL_CHARS characters
    state    "sampling", "done", or "truncated" if it was cut off
    verdict  its verdict, in a word of `engine.rollouts.observer`; "" before that
    waiting  seconds since it was asked for, while no token of it is known
    passed   of `of`: for a program the ground-truth tests it passes, for a test the programs that pass it
    found    what was found in a finished answer, its first TAIL_CHARS characters: the program, or input -> output
    """

    slot: int
    role: str
    task: str
    tail: str
    tokens: int
    state: str
    verdict: str = ""
    passed: int = 0
    of: int = 0
    waiting: int = 0
    found: str = ""


@dataclass(frozen=True, slots=True)
class LiveView:
    """Wall at Unix time `time`; `done` of `total` units of work of the phase."""

    time: float
    phase: str
    done: int
    total: int
    slots: tuple[LiveSlot, ...]


class LiveWriter:
    """Writer of a small JSON file, rewritten under another name and renamed. One thread at a time.

    The caller calls `flush` when it is `due`: a rewrite of 32 slots takes 0.6 ms. A failed write does not stop the
    run: `failures` counts them.
    """

    def __init__(
        self,
        path: Path,
        *,
        slots: int = SLOTS,
        max_hz: float = MAX_HZ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._slots, self._clock = path, slots, clock
        self.interval = 1.0 / max_hz
        self._due = float("-inf")
        self._phase, self._done, self._total = "", 0, 0
        self._wall: dict[int, LiveSlot] = {}
        self.failures = 0

    def start_phase(self, phase: str, total: int = 0, done: int = 0) -> None:
        """Begin a phase of `total` units of work, `done` of them done, and write the wall, whose answers stay."""
        self._phase, self._done, self._total = phase, done, total
        self.flush()

    def progress(self, done: int) -> None:
        self._done = done

    def update(
        self,
        slot: int,
        role: str,
        task: str,
        tail: str,
        tokens: int,
        state: str,
        verdict: str = "",
        passed: int = 0,
        of: int = 0,
        waiting: int = 0,
        found: str = "",
    ) -> None:
        """Put an answer on the wall; slots beyond the wall's size are ignored."""
        if 0 <= slot < self._slots:
            answer = str(role), task, tail[-TAIL_CHARS:], tokens, state
            self._wall[slot] = LiveSlot(slot, *answer, verdict, passed, of, waiting, found[:TAIL_CHARS])

    @property
    def due(self) -> bool:
        """True if the last rewrite is long enough ago for another one."""
        return self._clock() >= self._due

    def flush(self) -> None:
        """Write the file now. Readers never see half of it."""
        self._due = self._clock() + self.interval
        wall = [asdict(self._wall[slot]) for slot in sorted(self._wall)]
        view = {
            "time": time.time(),
            "phase": self._phase,
            "done": self._done,
            "total": self._total,
            "slots": wall,
        }
        # No fsync: after a loss of power the wall is worthless anyway.
        try:
            write_file(self._path.parent, self._path.name, json.dumps(view).encode())
        except OSError:
            self.failures += 1

    def clear(self) -> None:
        """Remove the wall: sampling has ended."""
        with contextlib.suppress(OSError):
            remove_file(self._path.parent, self._path.name)


class LiveReader:
    """Reader of the wall, cheap enough for every frame."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> LiveView | None:
        """Return the wall; None while nothing is sampled, and for a file in another format."""
        try:
            view = json.loads(read_file(self._path.parent, self._path.name, _MAX_BYTES))
            slots = tuple(LiveSlot(**slot) for slot in view["slots"][:SLOTS])
            read = LiveView(view["time"], view["phase"], view["done"], view["total"], slots)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return read if has_declared_types(read) and all(map(has_declared_types, slots)) else None
