"""Selector `bon`, best of n (CURE, arXiv 2506.03136): most generated tests passed.

Ties go to the program with which most others agree on every output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.reward.pass_matrix import FloatArray
from engine.solve.selectors.arrays import BoardArrays


@dataclass(frozen=True)
class Bon:
    """Score: votes, then agreement as a fraction below 1."""

    name: ClassVar[str] = "bon"
    summary: ClassVar[str] = "most tests passed; ties: most programs that print the same"

    def scores(self, board: BoardArrays) -> FloatArray:
        n = board.matrix.n_programs
        scores: FloatArray = board.matrix.votes_n + board.agreeing_n() / (n + 1)
        return scores
