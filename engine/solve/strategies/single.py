"""Baseline of strategies: one answer, taken as it is."""

from __future__ import annotations

from engine.solve.strategies.bench import Bench
from engine.solve.strategies.evidence import Solution, conclude
from engine.solve.strategies.gathering import Gathering


class Single:
    """Strategy of one program. Tests are still sampled: they do not choose, but show how far to trust it."""

    name = "single"
    summary = "one program as it is; tests only say how far to trust it"

    def solve(self, bench: Bench) -> Solution:
        gathering = Gathering(bench)
        gathering.sample(1, bench.m)
        chosen = 0 if gathering.board.programs else None
        return conclude(self.name, gathering.board, chosen, gathering.ended, asked_for=bench.m)
