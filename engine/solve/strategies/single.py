"""One answer, taken as it is: what every other strategy has to beat."""

from __future__ import annotations

from engine.solve.strategies.bench import Bench
from engine.solve.strategies.evidence import Solution, conclude
from engine.solve.strategies.gathering import Gathering


class Single:
    """One program. Tests are still sampled: they do not choose, but say how far it can be believed."""

    name = "single"
    summary = "one program, not chosen; tests only say how far to believe it"

    def solve(self, bench: Bench) -> Solution:
        gathering = Gathering(bench)
        gathering.sample(1, bench.m)
        return conclude(self.name, gathering.board, 0 if gathering.board.programs else None, gathering.ended)
