"""Selector `majority`: a program of the largest group that prints the same on every input; tests do not vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.solve.selectors.arrays import BoardArrays


@dataclass(frozen=True)
class Majority:
    """Score: size of the output group; 0 for a program that ends well on no input."""

    name: ClassVar[str] = "majority"
    summary: ClassVar[str] = "largest group of programs that print the same on every input"

    def scores(self, board: BoardArrays) -> FloatArray:
        ran_n = (board.outputs_nx > 0).any(axis=1)
        return np.where(ran_n, board.agreeing_n(), 0).astype(np.float64)
