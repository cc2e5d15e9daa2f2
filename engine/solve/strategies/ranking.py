"""Ranking of programs. The problem's own examples come first: they are certain, generated tests are votes."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from engine.reward.pass_matrix import BoolArray, IntArray, PassMatrix


class Ranked(Protocol):
    """Matrix with the order of its rows, as `engine.solve.strategies.board.Board` has it."""

    def matrix(self) -> PassMatrix: ...

    def order(self) -> list[int]: ...


def ranked(
    matrix: PassMatrix,
    blind_n: BoolArray | None = None,
    agreeing_n: IntArray | None = None,
    sample_n: IntArray | None = None,
) -> list[int]:
    """Return rows, best first: most public examples passed, most votes, most programs that agree, lowest sample index.

    matrix: with the public examples as ground truth, as `Board.matrix`. blind_n: programs that do not read their input;
    they come behind all others, since an example that they pass is written into them. agreeing_n: number of programs
    that print the same; by default the clusters of equal verdicts. sample_n: by default the order of the rows. Answers
    without a program come last.
    """
    public_n = matrix.truth_nt.sum(axis=1)
    blind_n = np.zeros(matrix.n_programs, dtype=np.bool_) if blind_n is None else blind_n
    agreeing_n = matrix.cluster_sizes_n if agreeing_n is None else agreeing_n
    sample_n = np.arange(matrix.n_programs) if sample_n is None else sample_n
    order_n = np.lexsort((sample_n, -agreeing_n, -matrix.votes_n, -public_n, blind_n, matrix.rejected_n))
    rows: list[int] = order_n.tolist()
    return rows


def certain_leader(board: Ranked, tests_to_come: int) -> int | None:
    """Return the row that leads whatever results are still to come; None while another may overtake it.

    The bound is the worst case: every unknown cell and every test to come counts against the leader and for the others.
    A tie is not decided: the size of a cluster breaks it, and clusters may still split.
    """
    matrix, order = board.matrix(), board.order()
    if not order or matrix.rejected_n[order[0]]:
        return None
    public_n: IntArray = matrix.truth_nt.sum(axis=1)
    public_possible_n: IntArray = public_n + (~matrix.known_nt).sum(axis=1)
    possible_n: IntArray = matrix.votes_n + (~matrix.known_nm).sum(axis=1) + tests_to_come
    # Public examples come first: a row that cannot reach the leader's number of them is out, whatever its votes.
    leader = order[0]
    for row in order[1:]:
        if matrix.rejected_n[row] or public_possible_n[row] < public_n[leader]:
            continue
        if public_possible_n[row] > public_n[leader] or possible_n[row] >= matrix.votes_n[leader]:
            return None
    return leader
