"""Board of one problem: programs x tests as they arrive. Every strategy chooses by its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.problems import IOExample
from engine.prompts import Program, Rejected, UnitTest
from engine.reward.pass_matrix import PassMatrix, pass_matrix_from_verdicts
from engine.sandbox import Judging, Outcome, Status, verdict


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
        self._matrix: PassMatrix | None = None

    def add_program(self, program: Program | Rejected) -> int:
        """Add a program; return its row."""
        self._matrix = None
        self.programs.append(program)
        return len(self.programs) - 1

    def add_test(self, test: UnitTest | Rejected) -> int | None:
        """Add a generated test; return its column, None for a malformed one."""
        if isinstance(test, Rejected):
            self.malformed += 1
            return None
        self._matrix = None
        self.tests.append(TestCase(test.input, test.output, False, test.explanation))
        return len(self.tests) - 1

    def replace_tests(self, tests: Sequence[TestCase]) -> None:
        """Replace the generated tests by others on inputs that were executed already."""
        self._matrix = None
        self.tests = list(tests)

    def add_outcome(self, row: int, stdin: str, outcome: Outcome) -> None:
        self._matrix = None
        self._outcomes[row, stdin] = outcome

    def outcome(self, row: int, stdin: str) -> Outcome | None:
        return self._outcomes.get((row, stdin))

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
        outcomes = [outcome for (owner, _), outcome in self._outcomes.items() if owner == row]
        return not outcomes or any(outcome.status is Status.OK for outcome in outcomes)

    def matrix(self) -> PassMatrix:
        """Return the pass matrix so far, n x t and n x m, with unknown cells.

        The public examples take the place of the ground-truth tests: hidden tests are not used.
        """
        if self._matrix is None:
            rows = range(len(self.programs))
            self._matrix = pass_matrix_from_verdicts(
                [[self.verdict(row, test) for test in self.public] for row in rows],
                [[self.verdict(row, test) for test in self.tests] for row in rows],
                rejected=[isinstance(program, Rejected) for program in self.programs],
            )
        return self._matrix

    def inputs(self) -> list[str]:
        """Return every distinct input, public ones first."""
        return list(dict.fromkeys(test.input for test in (*self.public, *self.tests)))
