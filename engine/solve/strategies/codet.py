"""CodeT (Chen et al., arXiv 2207.10397): group programs that pass the same tests, take one of the best group.

score of a group = sqrt(programs in it) * tests that they pass
"""

from __future__ import annotations

import numpy as np

from engine.solve.strategies.bench import Bench
from engine.solve.strategies.board import Board
from engine.solve.strategies.evidence import Solution, conclude
from engine.solve.strategies.gathering import Gathering


class CodeT:
    """Strategy of agreement: among the programs that pass most public examples, the first of the best group."""

    name = "codet"
    summary = "groups programs by the tests they pass: sqrt(programs) x tests decides"

    def solve(self, bench: Bench) -> Solution:
        gathering = Gathering(bench)
        gathering.sample(bench.n, bench.m)
        return conclude(
            self.name, gathering.board, chosen_by_group(gathering.board), gathering.ended, asked_for=bench.m
        )


def chosen_by_group(board: Board) -> int | None:
    """Return the first row of the group with the highest score, None if there is no program."""
    matrix = board.matrix()
    eligible_n = ~matrix.rejected_n
    if not eligible_n.any():
        return None
    # One that never reads its input passes what is written into it: it is eligible only if there is no other.
    reading_n = eligible_n & ~board.blind_n()
    eligible_n = reading_n if reading_n.any() else eligible_n
    # A program that fails the problem's own examples is wrong, however many agree with it.
    public_n = matrix.truth_nt.sum(axis=1)
    eligible_n = eligible_n & (public_n == public_n[eligible_n].max())
    rows_k = np.flatnonzero(eligible_n)
    eligible = matrix.block(rows_k, slice(None))
    return int(rows_k[(np.sqrt(eligible.cluster_sizes_n) * eligible.votes_n).argmax()])
