"""What a strategy gives back: a program, and why one may believe it, or not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.solve.strategies.board import Board, TestCase


class Support(StrEnum):
    """How far the evidence carries."""

    SUPPORTED = "supported"  # passes all public examples and most of the tests
    WEAK = "weak"  # fails one, or too few
    NONE = "none"  # no program that runs


@dataclass(frozen=True, slots=True)
class Candidate:
    """One program on everything it was run on; `cluster`: programs with the same verdicts share its number."""

    source: str | None
    rejected: str
    public: tuple[bool | None, ...]
    tests: tuple[bool | None, ...]
    cluster: int

    @property
    def votes(self) -> int:
        return sum(verdict is True for verdict in self.tests)


@dataclass(frozen=True, slots=True)
class Solution:
    """The choice and the evidence. `chosen`: a row of `candidates`, None where none runs.

    agreement: share of the running candidates whose verdicts equal the chosen one's. disputed: tests that the chosen
    program fails, or that as many candidates fail as pass. ended: why sampling ended before its numbers were
    reached, "" where it did not.
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
    """Return the evidence for `chosen`. A choice that fails on every input gives way to one that runs, if any."""
    matrix = board.matrix()
    candidates = tuple(
        Candidate(
            source=getattr(program, "source", None),
            rejected=str(getattr(program, "reason", "")),
            public=tuple(board.verdict(row, test) for test in board.public),
            tests=tuple(board.verdict(row, test) for test in board.tests),
            cluster=int(matrix.clusters_n[row]),
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
        disputed=_disputed(candidates, chosen),
        ended=ended,
    )


def _disputed(candidates: tuple[Candidate, ...], chosen: int | None) -> tuple[int, ...]:
    if not candidates or chosen is None:
        return ()
    found = []
    for column in range(len(candidates[0].tests)):
        verdicts = [each.tests[column] for each in candidates if each.source is not None]
        passed, failed = verdicts.count(True), verdicts.count(False)
        if candidates[chosen].tests[column] is False or 0 < passed <= failed:
            found.append(column)
    return tuple(found)
