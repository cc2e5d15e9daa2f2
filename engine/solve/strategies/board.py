"""Board of one problem: programs x tests as they arrive. Every strategy chooses by its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.problems import IOExample
from engine.prompts import Program, Rejected, UnitTest
from engine.reward.pass_matrix import PassMatrix
from engine.sandbox import Judging, Outcome, Status, verdict
from engine.solve.strategies.cells import Cells


@dataclass(frozen=True, slots=True)
class TestCase:
    """Column of a board: an example of the problem, which is right by definition, or a generated test."""

    input: str
    output: str
    is_public: bool
    explanation: str = ""


class Board:
    """Growing matrix of n programs x (t public + m generated) tests, filled by executions. For one thread.

    A malformed test is counted but gets no column: no program can be run on it.
    """

    def __init__(self, public: Sequence[IOExample], judging: Judging) -> None:
        self.public = tuple(TestCase(example.input, example.output, True) for example in public)
        self.tests: list[TestCase] = []
        self.malformed = 0
        self.programs: list[Program | Rejected] = []
        self._judging = judging
        self._outcomes: dict[tuple[int, str], Outcome] = {}
        self._verdicts: dict[tuple[int, TestCase], bool] = {}
        self._runs: dict[int, bool] = {}
        self._matrix: PassMatrix | None = None
        self._public, self._generated = Cells(), Cells()
        self._columns: dict[str, list[tuple[TestCase, int]]] = {}
        for test in self.public:
            self._add_column(test, self._public)

    def add_program(self, program: Program | Rejected) -> int:
        """Add a program; return its row."""
        self._matrix = None
        self.programs.append(program)
        self._public.add_row()
        self._generated.add_row()
        return len(self.programs) - 1

    def add_test(self, test: UnitTest | Rejected) -> int | None:
        """Add a generated test; return its column, None for a malformed one."""
        if isinstance(test, Rejected):
            self.malformed += 1
            return None
        self.tests.append(TestCase(test.input, test.output, False, test.explanation))
        self._add_column(self.tests[-1], self._generated)
        return len(self.tests) - 1

    def replace_tests(self, tests: Sequence[TestCase]) -> None:
        """Replace the generated tests by others on inputs that were executed already."""
        self.tests = list(tests)
        self._generated = Cells()
        for _ in self.programs:
            self._generated.add_row()
        self._columns = {
            stdin: kept
            for stdin, cases in self._columns.items()
            if (kept := [case for case in cases if case[0].is_public])
        }
        for test in tests:
            self._add_column(test, self._generated)

    def add_outcome(self, row: int, stdin: str, outcome: Outcome) -> None:
        self._matrix = None
        self._outcomes[row, stdin] = outcome
        self._runs[row] = self._runs.get(row, False) or outcome.status is Status.OK
        for test, column in self.columns_of(stdin):
            self._cells_of(test).set(row, column, self.verdict(row, test))

    def outcome(self, row: int, stdin: str) -> Outcome | None:
        return self._outcomes.get((row, stdin))

    def columns_of(self, stdin: str) -> Sequence[tuple[TestCase, int]]:
        """Return every test with this input, and its column among the tests of its kind."""
        return self._columns.get(stdin, ())

    def verdict(self, row: int, test: TestCase) -> bool | None:
        """Return the verdict; None while it is unknown and if the sandbox lost the execution."""
        if isinstance(self.programs[row], Rejected):
            return False
        known = self._verdicts.get((row, test))
        if known is not None:
            return known
        outcome = self._outcomes.get((row, test.input))
        found = None if outcome is None else verdict(outcome, test.output, self._judging)
        if found is not None:
            self._verdicts[row, test] = found
        return found

    def runs(self, row: int) -> bool:
        """Return whether the program ended without error on any input; True if it was executed on none."""
        if isinstance(self.programs[row], Rejected):
            return False
        return self._runs.get(row, True)

    def matrix(self) -> PassMatrix:
        """Return the pass matrix so far, n x t and n x m, with unknown cells.

        The public examples take the place of the ground-truth tests: hidden tests are not used.
        """
        if self._matrix is None:
            truth_nt, known_nt = self._public.arrays()
            generated_nm, known_nm = self._generated.arrays()
            rejected_n = np.array([isinstance(program, Rejected) for program in self.programs], dtype=np.bool_)
            self._matrix = PassMatrix(
                truth_nt, generated_nm, rejected_n=rejected_n, known_nt=known_nt, known_nm=known_nm
            )
        return self._matrix

    def inputs(self) -> list[str]:
        """Return every distinct input, public ones first."""
        return list(dict.fromkeys(test.input for test in (*self.public, *self.tests)))

    def _cells_of(self, test: TestCase) -> Cells:
        return self._public if test.is_public else self._generated

    def _add_column(self, test: TestCase, cells: Cells) -> None:
        self._matrix = None
        self._columns.setdefault(test.input, []).append((test, cells.columns))
        cells.add_column()
        for row in range(len(self.programs)):
            if (row, test.input) in self._outcomes:
                cells.set(row, cells.columns - 1, self.verdict(row, test))
