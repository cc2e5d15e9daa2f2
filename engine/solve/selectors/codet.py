"""Selector `codet` (CodeT, Chen et al., arXiv 2207.10397): sqrt(programs of a verdict group) * tests that they pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.solve.selectors.arrays import BoardArrays


@dataclass(frozen=True)
class CodeT:
    """Score of a program: that of its verdict group. Programs that pass nothing score 0."""

    name: ClassVar[str] = "codet"
    summary: ClassVar[str] = "groups programs by the tests they pass: sqrt(programs) x tests"

    def scores(self, board: BoardArrays) -> FloatArray:
        scores: FloatArray = np.sqrt(board.matrix.cluster_sizes_n) * board.matrix.votes_n
        return scores
