"""What is being sampled this moment, for the wall of rollouts: throw-away, at most 15 Hz, never a fault."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

TAIL_CHARS = 600
MAX_HZ = 15.0
SLOTS = 32


@dataclass(frozen=True, slots=True)
class LiveSlot:
    """One answer on the wall.

    tail     its last TAIL_CHARS characters
    state    "sampling", "done", or "truncated" where it was cut off
    verdict  what was found of it, in a word of `engine.rollouts.observer`; "" before that
    passed   of `of`: ground-truth tests that a program passes, programs that a test is passed by
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


@dataclass(frozen=True, slots=True)
class LiveView:
    """The wall at Unix time `time`; `done` of `total` units of work of the phase."""

    time: float
    phase: str
    done: int
    total: int
    slots: tuple[LiveSlot, ...]


class LiveWriter:
    """Keeps a small JSON file up to date, rewritten aside and renamed. One thread at a time.

    What is new is written by `flush`, which its caller calls when it is `due`: a rewrite of 32 slots takes 0.6 ms.
    A disk that does not take it is no fault of the run: `failures` counts.
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

    def start_phase(self, phase: str, total: int = 0) -> None:
        """Another phase of `total` units of work. What is on the wall stays, and is written now for the last time."""
        self._phase, self._done, self._total = phase, 0, total
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
    ) -> None:
        """Puts an answer on the wall; slots beyond the wall's size are not shown."""
        if 0 <= slot < self._slots:
            self._wall[slot] = LiveSlot(slot, str(role), task, tail[-TAIL_CHARS:], tokens, state, verdict, passed, of)

    @property
    def due(self) -> bool:
        """Whether the last rewrite is long enough ago for another one."""
        return self._clock() >= self._due

    def flush(self) -> None:
        """Writes now. Readers never see half a file."""
        self._due = self._clock() + self.interval
        wall = [asdict(self._wall[slot]) for slot in sorted(self._wall)]
        view = {
            "time": time.time(),
            "phase": self._phase,
            "done": self._done,
            "total": self._total,
            "slots": wall,
        }
        aside = self._path.with_name(f".{self._path.name}.tmp")
        try:
            aside.write_text(json.dumps(view))
            aside.replace(self._path)
        except OSError:
            self.failures += 1

    def clear(self) -> None:
        """Takes the wall away: nothing is being sampled any more."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


class LiveReader:
    """Reads the wall; cheap to call at every frame."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> LiveView | None:
        """The wall, or None when nothing is being sampled or the file is not one of ours."""
        try:
            view = json.loads(self._path.read_bytes())
            slots = tuple(LiveSlot(**slot) for slot in view["slots"])
            return LiveView(view["time"], view["phase"], view["done"], view["total"], slots)
        except (OSError, ValueError, KeyError, TypeError):
            return None
