"""Everything a strategy works with, so that adding one touches nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from engine.problems import Problem
from engine.prompts import Program, Rejected, UnitTest
from engine.sandbox import AS_A_PROCESS, Judging, Outcome
from engine.strategies.board import Board
from engine.strategies.budget import Budget, Spent
from engine.writers import Answer, Writer


class Runner(Protocol):
    """The part of `engine.sandbox.Executor` that strategies need."""

    def submit(self, source: str, inputs: Sequence[str], cpu_seconds: float | None = None) -> Future[list[Outcome]]: ...


class Observer(Protocol):
    """Is told what happens as it happens, for a live view. Called from one thread."""

    def answered(self, answer: Answer) -> None: ...

    def program(self, row: int, program: Program | Rejected) -> None: ...

    def test(self, column: int | None, test: UnitTest | Rejected) -> None:
        """A new column of the board; None: a malformed test."""
        ...

    def executed(self, board: Board, row: int, stdin: str) -> None: ...

    def leads(self, board: Board, row: int) -> None: ...


class Quiet:
    """Observes nothing."""

    def answered(self, answer: Answer) -> None: ...

    def program(self, row: int, program: Program | Rejected) -> None: ...

    def test(self, column: int | None, test: UnitTest | Rejected) -> None: ...

    def executed(self, board: Board, row: int, stdin: str) -> None: ...

    def leads(self, board: Board, row: int) -> None: ...


@dataclass(frozen=True)
class Bench:
    """prose: the statement's sentences alone, for models of short prompts. n, m: programs and tests to sample."""

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
