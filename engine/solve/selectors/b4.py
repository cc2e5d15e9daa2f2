"""Selector `b4` (Chen et al., ASE 2024, arXiv 2409.08692): the most probable verdict group under Beta priors.

For a verdict group of c programs that passes the tests y, with e = |y|, of n programs and m tests:

    lnB(c + a, n - c + 1) + lnB(e + a, m - e + 1) + lnB(s1 + 1, t1 - s1 + 1) + lnB(s0 + 1, t0 - s0 + b0)

s1 of t1 cells of the other programs are passed on y, and s0 of t0 on the remaining tests. `a` says how sure it is that
right programs and tests are many, `b0` how rarely a wrong program passes a wrong test. The four terms are the evidence
for four rates; `Priors` holds all their parameters, which training estimates from tasks with labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma
from typing import ClassVar, TypeAlias

import numpy as np

from engine.reward.pass_matrix import FloatArray, IntArray, PassMatrix
from engine.solve.options import option
from engine.solve.selectors.arrays import BoardArrays

Beta: TypeAlias = tuple[float, float]
"""Parameters of a Beta distribution, both above 0."""


@dataclass(frozen=True, slots=True)
class Priors:
    """Beta priors of the rates: a program is right (x), a test is right (y), a wrong program passes a right test (one)
    or a wrong one (zero).
    """

    x: Beta
    y: Beta
    one: Beta
    zero: Beta

    @classmethod
    def of(cls, a: float, b0: float) -> Priors:
        """Return the priors of the paper, which leave all but two parameters at 1."""
        return cls((a, 1.0), (a, 1.0), (1.0, 1.0), (1.0, b0))


@dataclass(frozen=True)
class B4:
    """Score: log posterior of the program's verdict group, up to a constant. Cells without a verdict do not count."""

    name: ClassVar[str] = "b4"
    summary: ClassVar[str] = "most probable group of programs and tests that agree, under Beta priors"

    a: float = option(10.0, "prior that right programs and right tests are many", least=1e-3, most=1e9)
    b0: float = option(10.0, "prior that a wrong program fails a wrong test", least=1e-3, most=1e9)

    def scores(self, board: BoardArrays) -> FloatArray:
        return posteriors_n(board.matrix, Priors.of(self.a, self.b0))


def posteriors_n(matrix: PassMatrix, priors: Priors) -> FloatArray:
    """Return the log posterior of each program's verdict group, up to a constant, (n,)."""
    passed_nm, known_nm, clusters_n = matrix.generated_nm, matrix.known_nm, matrix.clusters_n
    passed_m, known_m = passed_nm.sum(axis=0), known_nm.sum(axis=0)
    scores: FloatArray = np.zeros(matrix.n_programs)
    for group in range(int(clusters_n.max(initial=-1)) + 1):
        members_n = clusters_n == group
        row = int(members_n.argmax())
        size = int(members_n.sum())
        others_m: IntArray = passed_m - size * passed_nm[row]
        cells_m: IntArray = known_m - size * known_nm[row]
        on_m, off_m = passed_nm[row], known_nm[row] & ~passed_nm[row]
        s1, t1 = int(others_m[on_m].sum()), int(cells_m[on_m].sum())
        s0, t0 = int(others_m[off_m].sum()), int(cells_m[off_m].sum())
        scores[members_n] = (
            _evidence(size, matrix.n_programs - size, priors.x)
            + _evidence(int(on_m.sum()), int(off_m.sum()), priors.y)
            + _evidence(s1, t1 - s1, priors.one)
            + _evidence(s0, t0 - s0, priors.zero)
        )
    return scores


def _evidence(hits: int, misses: int, prior: Beta) -> float:
    """Return lnB(hits + a, misses + b), the log evidence up to the prior's own constant."""
    first, second = hits + prior[0], misses + prior[1]
    return lgamma(first) + lgamma(second) - lgamma(first + second)
