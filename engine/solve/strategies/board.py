"""Programs x tests of one problem while they come in: the state that every strategy reads its choice from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.problems import IOExample
from engine.prompts import Program, Rejected, UnitTest
from engine.reward.pass_matrix import PassMatrix, pass_matrix_from_verdicts
from engine.sandbox import Judging, Outcome, Status, verdict


@dataclass(frozen=True, slots=True)
class TestCase:
    """A column: an example of the problem (given, and so right) or a generated test."""

    input: str
    output: str
    is_public: bool
    explanation: str = ""


class Board:
    """Rows grow with every program, columns with every test, cells with every execution. One thread.

    Public examples are t columns of their own. A malformed test is counted, but no column: nothing can be run on it.
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
        """Its row."""
        self._matrix = None
        self.programs.append(program)
        return len(self.programs) - 1

    def add_test(self, test: UnitTest | Rejected) -> int | None:
        """Its column, None for a malformed one."""
        if isinstance(test, Rejected):
            self.malformed += 1
            return None
        self._matrix = None
        self.tests.append(TestCase(test.input, test.output, False, test.explanation))
        return len(self.tests) - 1

    def replace_tests(self, tests: Sequence[TestCase]) -> None:
        """Other columns over the same executions: their inputs have been run already."""
        self._matrix = None
        self.tests = list(tests)

    def add_outcome(self, row: int, stdin: str, outcome: Outcome) -> None:
        self._matrix = None
        self._outcomes[row, stdin] = outcome

    def outcome(self, row: int, stdin: str) -> Outcome | None:
        return self._outcomes.get((row, stdin))

    def verdict(self, row: int, test: TestCase) -> bool | None:
        """Return True or False once it is known; None while it runs and where the sandbox lost it."""
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
        """Whether the program ended well on any input; one that was run on nothing is believed to."""
        if isinstance(self.programs[row], Rejected):
            return False
        outcomes = [outcome for (owner, _), outcome in self._outcomes.items() if owner == row]
        return not outcomes or any(outcome.status is Status.OK for outcome in outcomes)

    def matrix(self) -> PassMatrix:
        """n x t and n x m, with unknown cells; no ground truth is involved: the examples are the problem's own."""
        if self._matrix is None:
            rows = range(len(self.programs))
            self._matrix = pass_matrix_from_verdicts(
                [[self.verdict(row, test) for test in self.public] for row in rows],
                [[self.verdict(row, test) for test in self.tests] for row in rows],
                rejected=[isinstance(program, Rejected) for program in self.programs],
            )
        return self._matrix

    def inputs(self) -> list[str]:
        """Every distinct input, public ones first."""
        return list(dict.fromkeys(test.input for test in (*self.public, *self.tests)))
