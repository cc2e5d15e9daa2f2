"""Selector `mpsc`, multi-perspective self-consistency (Huang et al., ACL 2024, arXiv 2309.17272).

Programs, tests and specifications are the vertices of a graph, and what agrees by execution is joined. Confidence
starts with s0 and spreads along the edges, f <- a T f + (1 - a) s0 with T = D^-1/2 A D^-1/2, until it changes no more:
at a = 0.95 the program wins that agrees most with tests and specifications together, and s0 decides between equal ones.

s0 is `uniform`; `semantic`, by classes of equal edges; or `lexical`, a program's or specification's mean similarity to
the others of its kind (for tests: the share of equal ones). Without texts `lexical` is `uniform`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.solve.options import option
from engine.solve.selectors.arrays import BoardArrays, Texts, ids_of_equal_rows
from engine.solve.selectors.similarity import mean_equality, mean_similarity

_DENSE, _SPARSE, _LEAST_MEAN = 0.95, 0.01, 0.16
_CLOSE, _ROUNDS = 1e-6, 5_000


@dataclass(frozen=True)
class MPSC:
    """Score: a program's confidence; 0 for one that agrees with no test and no specification."""

    name: ClassVar[str] = "mpsc"
    summary: ClassVar[str] = "agreement of programs, tests and specifications, spread through their graph"

    start: str = option("semantic", "first confidence", choices=("semantic", "lexical", "uniform"))

    def scores(self, board: BoardArrays) -> FloatArray:
        n, m, s = board.matrix.n_programs, board.matrix.n_generated, board.spec_test_sm.shape[0]
        passed_nm = board.matrix.generated_nm.astype(np.float64)
        parts = [slice(0, n), slice(n, n + m), slice(n + m, n + m + s)]
        weights: FloatArray = np.zeros((n + m + s, n + m + s))
        for rows, columns, edges in (
            (parts[0], parts[1], passed_nm),
            (parts[0], parts[2], board.program_spec_ns),
            (parts[2], parts[1], board.spec_test_sm),
        ):
            weights[rows, columns], weights[columns, rows] = edges, edges.T
        possible = n * m + n * s + s * m
        mean = weights.sum() / 2 / possible if possible else 0.0
        begin = self._first_confidence(weights, parts, board.texts)
        return _spread(weights, begin, _DENSE if mean >= _LEAST_MEAN else _SPARSE)[:n]

    def _first_confidence(self, weights: FloatArray, parts: list[slice], texts: Texts | None) -> FloatArray:
        """Return s0: of each perspective it sums to 1, and a vertex without an edge has none."""
        confidence: FloatArray = np.zeros(len(weights))
        joined = np.asarray(weights.any(axis=1))
        for place, part in enumerate(parts):
            values: FloatArray = np.ones(part.stop - part.start)
            if self.start == "semantic" and len(values):
                values = _semantic(weights, part, parts)
            elif self.start == "lexical" and texts is not None:
                sources = texts.specifications if place else texts.programs
                values = mean_equality(texts.tests) if place == 1 else mean_similarity(sources)
            values = np.where(joined[part], values, 0.0)
            if not values.any():  # nothing is like anything else
                values = joined[part].astype(np.float64)
            confidence[part] = values / values.sum() if values.any() else 0.0
        return confidence


def _semantic(weights: FloatArray, part: slice, parts: list[slice]) -> FloatArray:
    """Return the value of each vertex's class, those with equal edges.

    It is the number of members times, for each other perspective that is not empty, (sum of weights to it + 1) / size.
    """
    ids = ids_of_equal_rows(weights[part])
    values: FloatArray = np.bincount(ids)[ids].astype(np.float64)
    for other in parts:
        if other != part and other.stop > other.start:
            values *= (weights[part, other].sum(axis=1) + 1) / (other.stop - other.start)
    return values


def _spread(weights: FloatArray, begin: FloatArray, share: float) -> FloatArray:
    degrees = weights.sum(axis=1)
    roots = np.sqrt(np.where(degrees > 0, degrees, 1.0))  # rows without an edge are 0 already
    transition: FloatArray = weights / roots[:, None] / roots[None, :]
    confidence = begin
    for _ in range(_ROUNDS):
        before, confidence = confidence, share * transition @ confidence + (1 - share) * begin
        if np.linalg.norm(confidence - before) <= _CLOSE:
            break
    return confidence
