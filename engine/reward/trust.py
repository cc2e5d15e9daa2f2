"""Trust in generated tests, as counts whose ratios are those of Theorem 3.1. Without numpy: readers of runs need it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Trust:
    """How far generated tests can judge programs: counts of one task or of many; ratios are read off.

    Only groups with a correct program and a test are counted. A malformed test is a wrong test that nobody
    passes. A ratio is None where its denominator is 0.
    """

    n_groups: int = 0  # tasks with at least one correct program and one judged test
    n_tests: int = 0  # generated tests that could be judged
    n_right: int = 0  # of these, passed by all correct programs
    wrong_on_right: int = 0  # (wrong program, right test) cells
    wrong_passes_right: int = 0
    wrong_on_wrong: int = 0  # (wrong program, wrong test) cells
    wrong_passes_wrong: int = 0
    n_pairs: int = 0  # (correct, wrong) pairs of programs of one task
    pair_wins: float = 0.0  # pairs in which the correct one has more votes; a tie is half a win

    @property
    def p_u(self) -> float | None:
        """P(a generated test is right)."""
        return _ratio(self.n_right, self.n_tests)

    @property
    def p_01(self) -> float | None:
        """P(a wrong program passes a right test)."""
        return _ratio(self.wrong_passes_right, self.wrong_on_right)

    @property
    def p_00(self) -> float | None:
        """P(a wrong program passes a wrong test)."""
        return _ratio(self.wrong_passes_wrong, self.wrong_on_wrong)

    @property
    def mu(self) -> float | None:
        """mu = p_u (1 - p_01) - (1 - p_u) p_00: expected lead of a correct over a wrong program, per test.

        None without any wrong program. A term whose weight is 0 (p_u = 0 or 1) needs no p_01 or p_00.
        """
        p_u, p_01, p_00 = self.p_u, self.p_01, self.p_00
        if p_u is None or (p_u > 0 and p_01 is None) or (p_u < 1 and p_00 is None):
            return None
        return p_u * (1 - (p_01 or 0.0)) - (1 - p_u) * (p_00 or 0.0)

    @property
    def bound(self) -> float | None:
        """Theorem 3.1: a correct program outscores a wrong one with probability >= 1 - exp(-mu^2 m / 8).

        It promises nothing (0) unless mu > 0. m = judged tests a group, the mean where groups were added up.
        """
        mu = self.mu
        if mu is None:
            return None
        if mu <= 0:
            return 0.0
        return max(0.0, 1.0 - math.exp(-(mu**2) * (self.n_tests / self.n_groups) / 8.0))

    @property
    def precision(self) -> float | None:
        """Measured reward precision: share of (correct, wrong) pairs whose correct program has more votes.

        A tie counts half, so tossing a coin achieves 0.5. `bound` is its theory.
        """
        return _ratio(self.pair_wins, self.n_pairs)


def _ratio(count: float, total: int) -> float | None:
    return count / total if total else None
