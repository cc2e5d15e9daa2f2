"""Consensus of a board: votes of the tests, and agreement of the programs on each input; the ONE definition.

    score(i) = votes(i) + weight * sum over the distinct inputs x of the tests: p(O[i, x]) / n

votes(i) tests are passed by program i, and p(v) of n programs print the output v of x. Outputs are compared on the same
input alone; an error agrees with nothing. Weight 0 is best of n, a large one a soft majority of outputs.

Shapes: n programs, m generated tests, x distinct inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.reward.pass_matrix import FloatArray, IntArray, PassMatrix

WEIGHT = 1.0
"""Weight of agreement beside a test's vote; chosen on validation tasks, see engine/solve/README.md."""


def consensus_scores(votes_n: IntArray, outputs_nx: IntArray, weight: float = WEIGHT) -> FloatArray:
    """Return the score of each program, (n,).

    outputs_nx: number of the output on each input, equal for equal outputs; 0 unknown, negative for an error.
    """
    agreeing_n = np.zeros(len(votes_n))
    for printed_n in outputs_nx.T:
        ran_n = printed_n > 0
        if ran_n.any():
            agreeing_n[ran_n] += np.bincount(printed_n[ran_n])[printed_n[ran_n]]
    scores: FloatArray = votes_n + weight * agreeing_n / max(1, len(votes_n))
    return scores


def first_columns(inputs_m: Sequence[str | None]) -> list[int]:
    """Return the first column of every distinct input, so that each counts once; None is a malformed test's."""
    first: dict[str, int] = {}
    for column, text in enumerate(inputs_m):
        if text is not None:
            first.setdefault(text, column)
    return list(first.values())


def consensus_of_n(matrix: PassMatrix, outputs_nx: IntArray, weight: float = WEIGHT) -> int:
    """Return consensus(n, m): the program with the highest score, the first of equal ones.

    As `PassMatrix.best_of_n` it knows the generated tests alone, and takes a rejected answer only where all are. Raises
    ValueError without a program.
    """
    if not matrix.n_programs:
        raise ValueError("cannot choose among no programs")
    rows_k = np.flatnonzero(~matrix.rejected_n)
    if not len(rows_k):
        return 0
    scores_k = consensus_scores(matrix.votes_n[rows_k], outputs_nx[rows_k], weight)
    best = float(scores_k.max())
    return int(rows_k[np.flatnonzero(scores_k >= best - 1e-9 * max(1.0, abs(best)))[0]])
