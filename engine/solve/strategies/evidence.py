"""Result of a strategy: a program and the evidence for or against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from engine.reward.pass_matrix import BoolArray, PassMatrix
from engine.sandbox import Status, outputs_match
from engine.sandbox.comparisons import COMPARISONS
from engine.solve.strategies.board import Board, TestCase
from engine.solve.writers import Cost


class Support(StrEnum):
    """Strength of the evidence for a program."""

    SUPPORTED = "supported"  # reads its input, passes all public examples and most of enough tests
    WEAK = "weak"  # fails one, or too few, or there are too few
    NONE = "none"  # no program that runs


@dataclass(frozen=True, slots=True)
class StageCost:
    """Cost of the answers of one part within a stage."""

    stage: str
    part: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Candidate:
    """Program with all its verdicts. cluster: equal numbers print the same; votes: as `PassMatrix.votes_n`.

    blind: it seems not to read its input. sample: its index among all samples. parent: row that it is to repair or
    replace, and why.
    """

    source: str | None
    rejected: str
    public: tuple[bool | None, ...]
    tests: tuple[bool | None, ...]
    cluster: int
    votes: int
    blind: bool = False
    recovered: bool = False
    sample: int = 0
    parent: int | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Solution:
    """Choice with its evidence. `chosen`: a row of `candidates`, None if no program runs.

    agreement: share of the candidates with a program that print the same as the chosen one, on examples and tests.
    disputed: tests that the chosen program fails, or that some candidates pass but at least as many fail. ended: why
    sampling stopped before all samples were drawn, "" if it did not. understood: generated tests beside those that
    repeat an example; needed: how many of them support takes. coder_answers, tester_answers: number of answers by fate
    (`engine.solve.fates`). comparison: of outputs; another: one by which the program would pass, "" for none. select:
    the selector, "" where none chose; scores: those of the candidates, None for one that was not eligible. retired:
    tests that vote no longer. trail: costs by stage and part. remarks: sentences of the strategy.
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
    needed: int = 0
    understood: int = 0
    coder_answers: Mapping[str, int] = field(default_factory=dict)
    tester_answers: Mapping[str, int] = field(default_factory=dict)
    comparison: str = ""
    another: str = ""
    select: str = ""
    scores: tuple[float | None, ...] = ()
    retired: tuple[TestCase, ...] = ()
    trail: tuple[StageCost, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def program(self) -> str | None:
        return None if self.chosen is None else self.candidates[self.chosen].source

    @property
    def support(self) -> Support:
        return Support.NONE if self.chosen is None else Support.WEAK if self.lacking else Support.SUPPORTED

    @property
    def lacking(self) -> str:
        """Return what the evidence for the chosen program lacks, in words; "" for a supported one."""
        if self.chosen is None:
            return "no program runs"
        chosen = self.candidates[self.chosen]
        if chosen.blind:
            return "it does not read its input"
        if not all(verdict is True for verdict in chosen.public):
            return "it fails an example"
        if self.understood < self.needed:
            tests = f"{self.needed} tests" if self.needed > 1 else "one test"
            return f"support takes at least {tests} beside the examples"
        if chosen.tests and chosen.votes * 2 <= len(chosen.tests):
            return "it fails most tests"
        return "" if chosen.public or chosen.tests else "there is neither example nor test"


def needed_tests(asked_for: int) -> int:
    """Return how many tests make evidence where `asked_for` were asked for: a quarter, at least one."""
    return -(-asked_for // 4)


def is_settled(board: Board, leader: int, asked_for: int, to_come: int) -> bool:
    """Tell whether no test to come can change the support of the leader, out of `asked_for` tests."""
    matrix = board.matrix()
    if (matrix.known_nt[leader] & ~matrix.truth_nt[leader]).any():
        return True  # weak, whatever comes
    votes = int(matrix.votes_n[leader])
    possible = votes + int((~matrix.known_nm[leader]).sum()) + to_come
    if possible * 2 <= len(board.tests):
        return True
    every_example = bool(matrix.truth_nt[leader].all())
    return every_example and votes * 2 > len(board.tests) + to_come and board.understood() >= needed_tests(asked_for)


def conclude(strategy: str, board: Board, chosen: int | None, ended: str = "", *, asked_for: int = 0) -> Solution:
    """Return the evidence for `chosen`; if that fails on every input, for the best program that runs, if any.

    asked_for: number of tests that the tester was asked for; 0: examples alone are the evidence.
    """
    matrix, clusters_n, blind_n = board.matrix(), board.clusters_n(), board.blind_n()
    candidates = tuple(
        Candidate(
            source=getattr(program, "source", None),
            rejected=str(getattr(program, "reason", "")),
            public=tuple(board.verdict(row, test) for test in board.public),
            tests=tuple(board.verdict(row, test) for test in board.tests),
            cluster=int(clusters_n[row]),
            votes=int(matrix.votes_n[row]),
            blind=bool(blind_n[row]),
            recovered=bool(getattr(program, "recovered", False)),
            sample=board.samples[row],
            parent=board.origins[row].parent,
            why=board.origins[row].why,
        )
        for row, program in enumerate(board.programs)
    )
    if chosen is not None and not board.runs(chosen):
        chosen = next((row for row in board.order() if board.runs(row)), None)
    same = 0 if chosen is None else int(board.agreeing_n()[chosen])
    coder, tester = board.fates()
    solution = Solution(
        strategy=strategy,
        chosen=chosen,
        candidates=candidates,
        public=board.public,
        tests=tuple(board.tests),
        malformed=board.malformed,
        agreement=same / max(int((~matrix.rejected_n).sum()), 1),
        disputed=() if chosen is None else tuple(np.flatnonzero(disputed(matrix, chosen)).tolist()),
        ended=ended,
        needed=needed_tests(asked_for),
        understood=board.understood(),
        coder_answers=coder,
        tester_answers=tester,
        comparison=board.judging.comparison,
        retired=tuple(board.retired),
    )
    return replace(solution, another=_another_comparison(board, chosen)) if solution.lacking else solution


def _another_comparison(board: Board, chosen: int | None) -> str:
    """Return a comparison by which the chosen program passes every example and most tests; "" without one."""
    if chosen is None or board.blind_n()[chosen] or not (board.public or board.tests):
        return ""
    printed = [(test, board.outcome(chosen, test.input)) for test in (*board.public, *board.tests)]
    for name in COMPARISONS:
        if name == board.judging.comparison:
            continue
        passes = [
            outcome is not None and outcome.status is Status.OK and outputs_match(test.output, outcome.stdout, name)
            for test, outcome in printed
        ]
        examples, tests = passes[: len(board.public)], passes[len(board.public) :]
        if (
            all(examples)
            and sum(tests) * 2 >= len(tests)
            and sum(passes) > sum(board.verdict(chosen, test) is True for test, _ in printed)
        ):
            return name
    return ""


def disputed(matrix: PassMatrix, chosen: int) -> BoolArray:
    """Return which generated tests are disputed if `chosen` is the choice, (m,); see `Solution`."""
    fails_nm = matrix.known_nm & ~matrix.generated_nm & ~matrix.rejected_n[:, None]
    passed_m, failed_m = matrix.generated_nm.sum(axis=0), fails_nm.sum(axis=0)
    disputed_m: BoolArray = fails_nm[chosen] | ((passed_m > 0) & (passed_m <= failed_m))
    return disputed_m
