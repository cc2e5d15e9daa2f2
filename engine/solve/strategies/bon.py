"""Best of n: sample n programs and m tests at once, and choose by a selector."""

from __future__ import annotations

from engine.solve.selectors.bon import Bon
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.evidence import Solution, conclude_by
from engine.solve.strategies.gathering import Gathering


class BestOfN:
    """Strategy of the paper. With its own selector it stops early when the leader cannot be overtaken."""

    name = "bon"
    summary = "the program that passes most tests; ends early when none can overtake it"

    def solve(self, bench: Bench) -> Solution:
        gathering = Gathering(bench)
        gathering.sample(bench.n, bench.m, early_stop=isinstance(gathering.selector, Bon))
        return conclude_by(gathering.selector, self.name, gathering.board, gathering.ended, asked_for=bench.m)
