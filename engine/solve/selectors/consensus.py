"""Selector `consensus`: votes of the tests and agreement of the programs' outputs, as `engine.reward.consensus`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.reward.consensus import WEIGHT, consensus_scores
from engine.reward.pass_matrix import FloatArray
from engine.solve.options import option
from engine.solve.selectors.arrays import BoardArrays


@dataclass(frozen=True)
class Consensus:
    """Score: votes plus the weighted share of programs that print the same, input by input."""

    name: ClassVar[str] = "consensus"
    summary: ClassVar[str] = "tests passed, plus the share of programs that print the same on each input"

    weight: float = option(WEIGHT, "weight of agreement beside a test's vote", most=1e6)

    def scores(self, board: BoardArrays) -> FloatArray:
        return consensus_scores(board.matrix.votes_n, board.outputs_nx[:, board.tested_x], self.weight)
