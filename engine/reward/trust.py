"""Trust in generated tests: p_u, p_01, p_00 and mu of Theorem 3.1 (CURE, arXiv 2506.03136), and measured precision.

trust            pass matrix of one task -> counts
aggregate_trust  counts of many tasks -> their sums
Trust            counts, and the ratios computed from them

Imports no numpy, because the list of runs needs `Trust` and must start fast; `trust` uses the matrix's own arrays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.reward.pass_matrix import PassMatrix
    from engine.reward.validity import Validity


@dataclass(frozen=True)
class Trust:
    """Counts, over one task or many, of how well generated tests judge programs, with ratios as properties.

    Only groups with a correct program and a test are counted. A malformed test is a wrong test that no program
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

    def __post_init__(self) -> None:
        """Raise ValueError for a part that is larger than its whole: counts may come from others' files."""
        parts_of_wholes = (
            (self.n_groups, self.n_tests),  # a group has a judged test
            (self.n_right, self.n_tests),
            (self.wrong_passes_right, self.wrong_on_right),
            (self.wrong_passes_wrong, self.wrong_on_wrong),
            (self.pair_wins, self.n_pairs),
        )
        if not all(0 <= part <= whole for part, whole in parts_of_wholes) or bool(self.n_groups) != bool(self.n_tests):
            raise ValueError("counts of trust that no tests have")

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
        """Expected lead of a correct over a wrong program, in votes per test: mu = p_u (1 - p_01) - (1 - p_u) p_00.

        None without a wrong program. A term whose weight is 0 (p_u = 0 or 1) needs no p_01 or p_00.
        """
        p_u, p_01, p_00 = self.p_u, self.p_01, self.p_00
        if p_u is None or (p_u > 0 and p_01 is None) or (p_u < 1 and p_00 is None):
            return None
        return p_u * (1 - (p_01 or 0.0)) - (1 - p_u) * (p_00 or 0.0)

    @property
    def bound(self) -> float | None:
        """Lower bound of Theorem 3.1, 1 - exp(-mu^2 m / 8), on P(a correct program outscores a wrong one).

        0 unless mu > 0. m is the number of judged tests per group, the mean if groups were added up.
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

        A tie counts half, so chance level is 0.5. `bound` is the theorem's lower bound on it.
        """
        return _ratio(self.pair_wins, self.n_pairs)


def trust(matrix: PassMatrix, validity: Validity | None = None) -> Trust:
    """Count one task. Return `Trust()`, whose ratios are None, without a correct program or a judged test.

    validity: judgement of the tests by reference programs, which needs no correct program.
    """
    if validity is not None:
        judged_m, right_m = validity.judged_m, validity.valid_m
    elif matrix.correct_n.any():
        judged_m, right_m = matrix.judged_m, matrix.right_m
    else:
        return Trust()
    if not judged_m.any():
        return Trust()
    wrong_m = judged_m & ~right_m
    passes_wm, known_wm = matrix.generated_nm[matrix.wrong_n], matrix.known_nm[matrix.wrong_n]
    # votes_nn[i, j]: tests program i passes among those on which program j has a verdict as well
    votes_nn = matrix.generated_nm.astype("int64") @ matrix.known_nm.astype("int64").T
    lead_of_pairs = (votes_nn - votes_nn.T)[matrix.correct_n][:, matrix.wrong_n]
    return Trust(
        n_groups=1,
        n_tests=int(judged_m.sum()),
        n_right=int(right_m.sum()),
        wrong_on_right=int(known_wm[:, right_m].sum()),
        wrong_passes_right=int(passes_wm[:, right_m].sum()),
        wrong_on_wrong=int(known_wm[:, wrong_m].sum()),
        wrong_passes_wrong=int(passes_wm[:, wrong_m].sum()),
        n_pairs=int(lead_of_pairs.size),
        pair_wins=float((lead_of_pairs > 0).sum() + 0.5 * (lead_of_pairs == 0).sum()),
    )


def aggregate_trust(parts: Iterable[Trust]) -> Trust:
    """Add up the counts of many tasks, so that ratios weigh each test, cell and pair equally, not each task."""
    parts = tuple(parts)
    return Trust(**{one.name: sum(getattr(part, one.name) for part in parts) for one in fields(Trust)})


def _ratio(count: float, total: int) -> float | None:
    return count / total if total else None
