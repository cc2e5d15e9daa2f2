"""Selector `consensus`: votes of the tests and agreement of the programs' outputs together.

    score(i) = sum over the distinct inputs x of the tests: t(O[i, x]) + weight * p(O[i, x]) / n

t(v) tests expect the output v of x, p(v) of n programs print it; an error counts nothing. The sum of t is the number of
tests passed, so that weight 0 is best of n, and a large weight a soft majority of outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.solve.options import option
from engine.solve.selectors.arrays import BoardArrays


@dataclass(frozen=True)
class Consensus:
    """Score: votes plus the weighted share of programs that print the same, input by input."""

    name: ClassVar[str] = "consensus"
    summary: ClassVar[str] = "tests passed, plus the share of programs that print the same on each input"

    weight: float = option(1.0, "weight of agreement beside a test's vote", most=1e6)

    def scores(self, board: BoardArrays) -> FloatArray:
        n = board.matrix.n_programs
        agreement_n = np.zeros(n)
        for printed_n in board.outputs_nx[:, board.tested_x].T:
            ran_n = printed_n > 0
            if ran_n.any():
                agreement_n[ran_n] += np.bincount(printed_n[ran_n])[printed_n[ran_n]]
        scores: FloatArray = board.matrix.votes_n + self.weight * agreement_n / n
        return scores
