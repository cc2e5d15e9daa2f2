"""Best of N (CURE, arXiv 2506.03136): of n programs the one that passes most of m generated tests."""

from __future__ import annotations

from engine.solve.strategies.bench import Bench
from engine.solve.strategies.evidence import Solution, conclude
from engine.solve.strategies.gathering import Gathering


class BestOfN:
    """Strategy of most votes. Ties go to the largest group of programs that print the same.

    It stops once no test to come can change the leader or its support.
    """

    name = "bon"
    summary = "the program that passes most generated tests; ties to the largest agreement"

    def solve(self, bench: Bench) -> Solution:
        gathering = Gathering(bench)
        gathering.sample(bench.n, bench.m, early_stop=True)
        order = gathering.board.order()
        chosen = order[0] if order else None
        return conclude(self.name, gathering.board, chosen, gathering.ended, asked_for=bench.m)
