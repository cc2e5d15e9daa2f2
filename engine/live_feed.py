"""Feeds the wall of live rollouts from a sampler's deltas: the newest text of the first answers of a phase."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.prompts import Role
from engine.runs.live import SLOTS, LiveWriter
from engine.sampling import Delta

_SLOTS_PER_ROLE = SLOTS // 2
Decode = Callable[[list[int]], str]
_TAIL_TOKENS = 200
"""Enough for the characters that a slot keeps; decoding a whole long answer at every delta would be quadratic."""


class LiveFeed:
    """Gives every answer a slot while there are any; answers beyond the wall's size are counted, not shown."""

    def __init__(self, path: Path, decode: Decode) -> None:
        self._writer, self._decode = LiveWriter(path), decode
        self._tokens: dict[tuple[str, int], list[int]] = {}
        self._slots: dict[tuple[str, int], int] = {}

    def start_phase(self, phase: str, total: int) -> None:
        self._tokens.clear()
        self._slots.clear()
        self._writer.start_phase(phase, total)

    def progress(self, done: int) -> None:
        self._writer.progress(done)

    def on_delta(self, delta: Delta) -> None:
        """`delta.request_id` is `place/role`, as `engine.rollouts` names its requests."""
        answer = (delta.request_id, delta.index)
        place, role = delta.request_id.split("/")
        slot = self._slots.setdefault(answer, sum(known.endswith(role) for known, _ in self._slots))
        if slot >= _SLOTS_PER_ROLE:
            return
        tokens = self._tokens.setdefault(answer, [])
        tokens.extend(delta.token_ids)
        shown_at = slot + (_SLOTS_PER_ROLE if role == Role.TESTER else 0)
        self._writer.update(shown_at, role, place, self._decode(tokens[-_TAIL_TOKENS:]), len(tokens), "sampling")

    def close(self) -> None:
        self._writer.clear()
