"""Ranking of programs. The problem's own examples come first: they are certain, generated tests are votes."""

from __future__ import annotations

from engine.prompts import Rejected
from engine.reward.pass_matrix import IntArray, PassMatrix
from engine.solve.strategies.board import Board


def ranked(matrix: PassMatrix) -> list[int]:
    """Return rows, best first: most public examples passed, then as `PassMatrix.ranking_n` (best of n).

    matrix: with the public examples as ground truth, as `Board.matrix`. Answers without a program come last.
    """
    public_n = matrix.truth_nt.sum(axis=1).tolist()
    best_first: list[int] = matrix.ranking_n.tolist()
    return sorted(best_first, key=lambda row: (bool(matrix.rejected_n[row]), -public_n[row]))  # stable: ties stay


def certain_leader(board: Board, tests_to_come: int) -> int | None:
    """Return the row that leads whatever results are still to come; None while another may overtake it.

    The bound is the worst case: every unknown cell and every test to come counts against the leader and for the others.
    A tie is not decided: the size of a cluster breaks it, and clusters may still split.
    """
    matrix = board.matrix()
    order = ranked(matrix)
    if not order or isinstance(board.programs[order[0]], Rejected):
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
