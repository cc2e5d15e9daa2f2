"""Bench of a strategy: all that it works with, so that a new strategy changes no other file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.problems import Problem
from engine.prompts import Program, Rejected, UnitTest
from engine.rollouts.executing import Runner
from engine.sandbox import AS_A_PROCESS, Judging
from engine.solve.selectors import Selector
from engine.solve.strategies.board import Board
from engine.solve.strategies.budget import Budget, Spent
from engine.solve.strategies.evidence import StageCost
from engine.solve.strategies.parts import Part
from engine.solve.writers import Answer, Waiting, Writer


class Observer(Protocol):
    """Observer of one problem's board as it grows, for a live view; called from one thread.

    Its terms are those of `engine.rollouts.observer`. Its methods are its own but for `on_completion`: solving adds
    rows and columns one by one and settles single verdicts, where a batch of rollouts judges whole answers.
    """

    def on_completion(self, answer: Answer) -> None:
        """Take a finished answer."""

    def on_waiting(self, writer: str, waiting: Waiting) -> None:
        """Take a sign of life of the writer of that name."""

    def on_program(self, row: int, program: Program | Rejected) -> None:
        """Take a new row of the board."""

    def on_test(self, column: int | None, test: UnitTest | Rejected) -> None:
        """Take a new column of the board; None: a malformed test."""

    def on_outcome(self, board: Board, row: int, stdin: str) -> None:
        """Read from the board the verdicts that a new outcome has settled."""

    def on_leader(self, board: Board, row: int) -> None:
        """Take the row that ranks first now."""

    def on_stage(self, name: str) -> None:
        """Take the stage of the strategy that begins."""

    def on_lineage(self, row: int, parent: int, why: str) -> None:
        """Take the row that a new one is to repair or replace, and why."""

    def on_tests_settled(self, board: Board) -> None:
        """Read from the board which tests vote from now on, and which no longer do."""

    def on_vote(self, stdin: str, most: int, votes: int, *, is_agreed: bool) -> None:
        """Take the vote on the output of an input: of `votes` answers `most` say the same."""

    def on_verdict_of_judge(self, first: int, second: int, winner: str) -> None:
        """Take what the judge says of two rows: "p3", "equal", or "" for a verdict that depends on their order."""

    def on_spent(self, cost: StageCost) -> None:
        """Take what one part has cost within a stage so far."""


class Quiet:
    """Observer that does nothing."""

    def on_completion(self, answer: Answer) -> None: ...

    def on_waiting(self, writer: str, waiting: Waiting) -> None: ...

    def on_program(self, row: int, program: Program | Rejected) -> None: ...

    def on_test(self, column: int | None, test: UnitTest | Rejected) -> None: ...

    def on_outcome(self, board: Board, row: int, stdin: str) -> None: ...

    def on_leader(self, board: Board, row: int) -> None: ...

    def on_stage(self, name: str) -> None: ...

    def on_lineage(self, row: int, parent: int, why: str) -> None: ...

    def on_tests_settled(self, board: Board) -> None: ...

    def on_vote(self, stdin: str, most: int, votes: int, *, is_agreed: bool) -> None: ...

    def on_verdict_of_judge(self, first: int, second: int, winner: str) -> None: ...

    def on_spent(self, cost: StageCost) -> None: ...


@dataclass(frozen=True)
class Bench:
    """Problem with the writers, runner and budget for solving it.

    prose: the statement without examples, for models of short prompts. n, m: programs and tests to sample. selector:
    the user's; None for the strategy's own.
    """

    problem: Problem
    prose: str
    coder: Writer
    tester: Writer
    runner: Runner
    n: int
    m: int
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    judging: Judging = AS_A_PROCESS
    observer: Observer = field(default_factory=Quiet)
    spent: Spent = field(default_factory=Spent)
    selector: Selector | None = None
    judge: Writer | None = None
    specifier: Writer | None = None

    @property
    def writers(self) -> Mapping[Part, Writer]:
        """Writers by their part; the coder judges and the tester specifies where nobody else is named."""
        return {
            Part.CODER: self.coder,
            Part.TESTER: self.tester,
            Part.JUDGE: self.judge or self.coder,
            Part.SPECIFIER: self.specifier or self.tester,
        }
