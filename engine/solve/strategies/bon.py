"""Best of N (CURE, arXiv 2506.03136): of n programs the one that passes most of m generated tests."""

from __future__ import annotations

from engine.solve.strategies.bench import Bench
from engine.solve.strategies.evidence import Solution, conclude
from engine.solve.strategies.gathering import Gathering
from engine.solve.strategies.ranking import ranked


class BestOfN:
    """Strategy of most votes. Ties go to the largest group of programs with equal verdicts; stops once the
    leader is certain.
    """

    name = "bon"
    summary = "the program that passes most generated tests; ties to the largest agreement"

    def solve(self, bench: Bench) -> Solution:
        gathering = Gathering(bench)
        gathering.sample(bench.n, bench.m, early_stop=True)
        order = ranked(gathering.board.matrix())
        return conclude(self.name, gathering.board, order[0] if order else None, gathering.ended)
