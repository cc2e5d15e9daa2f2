"""Choice of a program by a selector's scores, with the rules that hold for every selector.

Examples are certain, generated tests are votes: only programs that pass the most examples are compared, and one that
never reads its input only where there is no other. Equal scores go to the lowest sample index, never to the program
that arrived first: short answers arrive first and are wrong more often.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from engine.reward.pass_matrix import BoolArray, FloatArray
from engine.solve.selectors.arrays import BoardArrays

_TOLERANCE = 1e-9
"""Difference of scores, relative above 1, that rounding explains."""


class Selector(Protocol):
    """Rule of choice. `name`: its value for `--select`; `summary`: its line in the list of selectors."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def scores(self, board: BoardArrays) -> FloatArray:
        """Return the programs' scores, (n,); the highest wins. No program of `board` is rejected, and n >= 1."""
        ...


def eligible_n(board: BoardArrays) -> BoolArray:
    """Return which programs may be chosen, (n,)."""
    matrix = board.matrix
    some_n = ~matrix.rejected_n
    if (some_n & ~board.blind_n).any():
        some_n = some_n & ~board.blind_n
    if some_n.any():
        public_n = matrix.truth_nt.sum(axis=1)
        some_n = some_n & (public_n == public_n[some_n].max())
    return some_n


def scores_n(board: BoardArrays, selector: Selector) -> FloatArray:
    """Return the score of each program, (n,); NaN for one that is not eligible."""
    scores: FloatArray = np.full(board.matrix.n_programs, np.nan)
    rows_k = np.flatnonzero(eligible_n(board))
    if len(rows_k):
        scores[rows_k] = selector.scores(board.rows(rows_k))
    return scores


def choose(board: BoardArrays, selector: Selector) -> int | None:
    """Return the row of the chosen program; None if no answer holds one."""
    scores = scores_n(board, selector)
    if np.isnan(scores).all():
        return None
    best = float(np.nanmax(scores))
    tied_k = np.flatnonzero(scores >= best - _TOLERANCE * max(1.0, abs(best)))
    return int(tied_k[board.sample_n[tied_k].argmin()])
