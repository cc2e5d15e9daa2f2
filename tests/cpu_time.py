"""Bounds on CPU time that hold on any machine: multiples of a plain Python loop over the cells of a picture."""

from __future__ import annotations

import time
from collections.abc import Callable


def quickest(work: Callable[[], object], rounds: int = 10) -> float:
    """Return the CPU seconds of the quickest round: a busy machine makes others slower, seldom all of them."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def plain_loop(columns: int, rows: int) -> float:
    """Return the CPU seconds of drawing so many cells one by one, each by its own arithmetic."""
    glyphs = " .:#"
    return quickest(
        lambda: ["".join(glyphs[(row * column) % 7 & 3] for column in range(columns)) for row in range(rows)], 30
    )
