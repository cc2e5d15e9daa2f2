"""Result of a strategy: a program and the evidence for or against it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.reward.pass_matrix import BoolArray, PassMatrix
from engine.solve.strategies.board import Board, TestCase


class Support(StrEnum):
    """Strength of the evidence for a program."""

    SUPPORTED = "supported"  # passes all public examples and most of the tests
    WEAK = "weak"  # fails one, or too few
    NONE = "none"  # no program that runs


@dataclass(frozen=True, slots=True)
class Candidate:
    """Program with all its verdicts; cluster, votes: as `PassMatrix.clusters_n` and `votes_n`."""

    source: str | None
    rejected: str
    public: tuple[bool | None, ...]
    tests: tuple[bool | None, ...]
    cluster: int
    votes: int


@dataclass(frozen=True, slots=True)
class Solution:
    """Choice with its evidence. `chosen`: a row of `candidates`, None if no program runs.

    agreement: share of the candidates with a program whose verdicts equal the chosen one's. disputed: tests that the
    chosen program fails, or that some candidates pass but at least as many fail. ended: why sampling stopped before all
    samples were drawn, "" if it did not.
    """

    strategy: str
    chosen: int | None
    candidates: tuple[Candidate, ...]
    public: tuple[TestCase, ...]
    tests: tuple[TestCase, ...]
    malformed: int
    agreement: float
    disputed: tuple[int, ...]
    ended: str = ""

    @property
    def program(self) -> str | None:
        return None if self.chosen is None else self.candidates[self.chosen].source

    @property
    def support(self) -> Support:
        if self.chosen is None:
            return Support.NONE
        chosen = self.candidates[self.chosen]
        most = chosen.votes * 2 > len(chosen.tests)
        if not all(verdict is True for verdict in chosen.public) or (chosen.tests and not most):
            return Support.WEAK
        return Support.SUPPORTED if chosen.public or chosen.tests else Support.WEAK


def conclude(strategy: str, board: Board, chosen: int | None, ended: str = "") -> Solution:
    """Return the evidence for `chosen`; if that fails on every input, for the first program that runs, if any."""
    matrix = board.matrix()
    candidates = tuple(
        Candidate(
            source=getattr(program, "source", None),
            rejected=str(getattr(program, "reason", "")),
            public=tuple(board.verdict(row, test) for test in board.public),
            tests=tuple(board.verdict(row, test) for test in board.tests),
            cluster=int(matrix.clusters_n[row]),
            votes=int(matrix.votes_n[row]),
        )
        for row, program in enumerate(board.programs)
    )
    if chosen is not None and not board.runs(chosen):
        chosen = next((row for row in range(len(candidates)) if board.runs(row)), None)
    same = 0 if chosen is None else int(matrix.cluster_sizes_n[chosen])
    return Solution(
        strategy=strategy,
        chosen=chosen,
        candidates=candidates,
        public=board.public,
        tests=tuple(board.tests),
        malformed=board.malformed,
        agreement=same / max(int((~matrix.rejected_n).sum()), 1),
        disputed=() if chosen is None else tuple(np.flatnonzero(disputed(matrix, chosen)).tolist()),
        ended=ended,
    )


def disputed(matrix: PassMatrix, chosen: int) -> BoolArray:
    """Return which generated tests are disputed if `chosen` is the choice, (m,); see `Solution`."""
    fails_nm = matrix.known_nm & ~matrix.generated_nm & ~matrix.rejected_n[:, None]
    passed_m, failed_m = matrix.generated_nm.sum(axis=0), fails_nm.sum(axis=0)
    disputed_m: BoolArray = fails_nm[chosen] | ((passed_m > 0) & (passed_m <= failed_m))
    return disputed_m
