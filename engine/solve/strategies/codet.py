"""CodeT (Chen et al., arXiv 2207.10397): sample n programs and m tests, take one of the best group of programs."""

from __future__ import annotations

from dataclasses import replace

from engine.solve.selectors.codet import CodeT as Selector
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.evidence import Solution, conclude_by
from engine.solve.strategies.gathering import Gathering


class CodeT:
    """Strategy of agreement: best of n with the selector `codet`."""

    name = "codet"
    summary = "groups programs by the tests they pass: sqrt(programs) x tests decides"

    def solve(self, bench: Bench) -> Solution:
        gathering = Gathering(replace(bench, selector=bench.selector or Selector()))
        gathering.sample(bench.n, bench.m)
        return conclude_by(gathering.selector, self.name, gathering.board, gathering.ended, asked_for=bench.m)
