"""Board of one problem: programs x tests as they arrive. Every strategy chooses by its state."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.problems import IOExample
from engine.prompts import Program, Rejected, UnitTest
from engine.prompts.source_look import look_at
from engine.reward.pass_matrix import BoolArray, FloatArray, IntArray, PassMatrix
from engine.sandbox import Judging, Outcome, Status, verdict
from engine.sandbox.output_groups import OutputGroups
from engine.solve.fates import SYNTAX_ERROR, fate_of
from engine.solve.selectors.arrays import BoardArrays, Texts
from engine.solve.strategies.ranking import ranked

_UNKNOWN, _FAILED, _PASSED = -1, 0, 1


class TestStatus(StrEnum):
    """Status of a test. Refused, replaced and unvoted ones no longer vote."""

    __test__ = False  # for pytest: not a test class

    PUBLIC = "public"
    GENERATED = "generated"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    REPLACED = "replaced"
    UNVOTED = "unvoted"


@dataclass(frozen=True, slots=True)
class TestCase:
    """Column of a board: an example of the problem, which is right by definition, or a generated test."""

    input: str
    output: str
    is_public: bool
    explanation: str = ""
    status: TestStatus = TestStatus.GENERATED


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a program: the stage in which it was written, the row that it is to repair or replace, and why."""

    stage: str = ""
    parent: int | None = None
    why: str = ""


_UNKNOWN_ORIGIN = Origin()


class Board:
    """Growing matrix of n programs x (t public + m generated) tests, filled by executions. For one thread.

    Rows stand in order of arrival, for the live view; `samples` holds the sample index of each, which decides ties.
    Outcomes on inputs without a test are kept, and say nothing of agreement: they are those of a few programs.
    A malformed test is counted but gets no column: no program can be run on it. Every outcome updates the cells that it
    settles, so that a ranking costs a few array operations however large the board is.
    """

    def __init__(self, public: Sequence[IOExample], judging: Judging) -> None:
        self.public = tuple(
            TestCase(example.input, example.output, True, status=TestStatus.PUBLIC) for example in public
        )
        self.tests: list[TestCase] = []
        self.retired: list[TestCase] = []
        self.programs: list[Program | Rejected] = []
        self.samples: list[int] = []
        self.origins: list[Origin] = []
        self.judging = judging
        self.malformed = 0
        self._tester_fates: Counter[str] = Counter()
        self._outcomes: dict[tuple[int, str], Outcome] = {}
        self._cells_nt = _Grid(len(self.public))
        self._cells_nm = _Grid(0)
        self._columns: dict[str, list[int]] = defaultdict(list)
        self._prints_nx = _Grid(0)  # number of the group that prints the same; 0: not executed
        self._places: dict[str, int] = {}
        self._groups: list[OutputGroups] = []
        self._statuses: list[set[Status]] = []
        self._seems_blind: list[bool] = []
        self._printed: list[set[str]] = []
        self._compared = dict.fromkeys(test.input for test in self.public)
        self._matrix: PassMatrix | None = None
        self._specifications: tuple[FloatArray, FloatArray, tuple[str, ...]] | None = None

    def add_program(
        self, program: Program | Rejected, sample: int | None = None, origin: Origin = _UNKNOWN_ORIGIN
    ) -> int:
        """Add a program; return its row. sample: its index among all samples; None: behind all others."""
        self._matrix = None
        self.programs.append(program)
        self.origins.append(origin)
        self.samples.append(max(self.samples, default=-1) + 1 if sample is None else sample)
        look = look_at(program.source) if isinstance(program, Program) else None
        self._seems_blind.append(look is not None and (not look.reads or look.fed))
        self._printed.append(set())
        self._statuses.append(set())
        for grid in (self._cells_nt, self._cells_nm, self._prints_nx):
            grid.add_row(_UNKNOWN if grid is not self._prints_nx else 0)
        return len(self.programs) - 1

    def add_test(self, test: UnitTest | Rejected) -> int | None:
        """Add a generated test; return its column, None for a malformed one."""
        self.count_test(test)
        if isinstance(test, Rejected):
            return None
        self._add_column(TestCase(test.input, test.output, False, test.explanation))
        return len(self.tests) - 1

    def count_test(self, test: UnitTest | Rejected) -> None:
        """Count what became of a tester's answer."""
        self._tester_fates[fate_of(test)] += 1
        self.malformed += isinstance(test, Rejected)

    def replace_tests(self, tests: Sequence[TestCase], retired: Sequence[TestCase] = ()) -> None:
        """Replace the generated tests by others on inputs that were executed already.

        retired: tests that vote no longer; they are kept as evidence.
        """
        self._matrix = None
        self.retired += retired
        self._compared |= dict.fromkeys(test.input for test in retired)
        self.tests = []
        self._columns.clear()
        self._cells_nm = _Grid(0, rows=len(self.programs))
        for test in tests:
            self._add_column(test)

    def add_outcome(self, row: int, stdin: str, outcome: Outcome) -> None:
        self._matrix = None
        self._outcomes[row, stdin] = outcome
        self._statuses[row].add(outcome.status)
        for column, test in enumerate(self.public):
            if test.input == stdin:
                self._cells_nt.cells[row, column] = self._judge(outcome, test)
        for column in self._columns.get(stdin, ()):
            self._cells_nm.cells[row, column] = self._judge(outcome, self.tests[column])
        if outcome.status is Status.OK and len(self._printed[row]) < 2:
            self._printed[row].add(outcome.stdout)
        if stdin in self._compared:
            self._note_output(row, stdin, outcome)

    def outcome(self, row: int, stdin: str) -> Outcome | None:
        return self._outcomes.get((row, stdin))

    def columns_of(self, stdin: str) -> list[tuple[TestCase, int]]:
        """Return every test with this input, and its column among the tests of its kind."""
        examples = [(test, column) for column, test in enumerate(self.public) if test.input == stdin]
        return examples + [(self.tests[column], column) for column in self._columns.get(stdin, ())]

    def verdict(self, row: int, test: TestCase) -> bool | None:
        """Return the verdict; None while it is unknown and if the sandbox lost the execution."""
        if isinstance(self.programs[row], Rejected):
            return False
        outcome = self._outcomes.get((row, test.input))
        return None if outcome is None else verdict(outcome, test.output, self.judging)

    def runs(self, row: int) -> bool:
        """Return whether the program ended without error on any input; True if it was executed on none."""
        if isinstance(self.programs[row], Rejected):
            return False
        return not self._statuses[row] or Status.OK in self._statuses[row]

    def matrix(self) -> PassMatrix:
        """Return the pass matrix so far, n x t and n x m, with unknown cells.

        The public examples take the place of the ground-truth tests: hidden tests are not used.
        """
        if self._matrix is None:
            cells_nt, cells_nm = self._cells_nt.used, self._cells_nm.used
            self._matrix = PassMatrix(
                truth_nt=cells_nt == _PASSED,
                generated_nm=cells_nm == _PASSED,
                rejected_n=np.array([isinstance(program, Rejected) for program in self.programs], dtype=np.bool_),
                known_nt=cells_nt != _UNKNOWN,
                known_nm=cells_nm != _UNKNOWN,
            )
        return self._matrix

    def order(self) -> list[int]:
        """Return the rows, best first."""
        return ranked(self.matrix(), self.blind_n(), self.agreeing_n(), np.array(self.samples, dtype=np.int64))

    def arrays(self) -> BoardArrays:
        """Return the board so far as selectors see it."""
        tested = {test.input for test in self.tests}
        n, m = len(self.programs), len(self.tests)
        program_spec_ns, spec_test_sm, _ = self._specifications or (np.zeros((n, 0)), np.zeros((0, m)), ())
        return BoardArrays(
            self.matrix(),
            self._prints_nx.used.astype(np.int64),
            np.array([stdin in tested for stdin in self._places], dtype=np.bool_),
            self.blind_n(),
            np.array(self.samples, dtype=np.int64),
            program_spec_ns,
            spec_test_sm,
            self._texts(),
        )

    def _texts(self) -> Texts:
        programs = tuple(program.source if isinstance(program, Program) else "" for program in self.programs)
        tests = tuple((test.input, test.output) for test in self.tests)
        return Texts(programs, tests, self._specifications[2] if self._specifications else ())

    def set_specifications(
        self, program_spec_ns: FloatArray, spec_test_sm: FloatArray, sources: tuple[str, ...]
    ) -> None:
        """Take s specifications, with their edges to programs and tests; no program or test is added afterwards."""
        self._specifications = program_spec_ns, spec_test_sm, sources

    def blind_n(self) -> BoolArray:
        """Return the programs that seem not to read their input: nothing in the source does, and all outputs are equal.

        Where an example has an empty input, or no input is there, nothing is to be read.
        """
        tests = (*self.public, *self.tests)
        if not (all(test.input.strip() for test in self.public) and any(test.input.strip() for test in tests)):
            return np.zeros(len(self.programs), dtype=np.bool_)
        pairs = zip(self._seems_blind, self._printed, strict=True)
        return np.array([blind and len(printed) < 2 for blind, printed in pairs], dtype=np.bool_)

    def clusters_n(self) -> IntArray:
        """Return the clusters of programs that print the same on all inputs; ids count up in order of appearance.

        An error is compared by its status.
        """
        ids: dict[bytes, int] = {}
        return np.array([ids.setdefault(row.tobytes(), len(ids)) for row in self._prints_nx.used], dtype=np.int64)

    def agreeing_n(self) -> IntArray:
        """Return the size of each program's cluster; a rejected answer counts in none."""
        clusters_n = self.clusters_n()
        if not len(clusters_n):
            return clusters_n
        sizes = np.bincount(clusters_n[~self.matrix().rejected_n], minlength=int(clusters_n.max()) + 1)
        return sizes[clusters_n].astype(np.int64)

    def fates(self) -> tuple[Counter[str], Counter[str]]:
        """Return what became of the coder's and of the tester's answers, by `engine.solve.fates`."""
        coder: Counter[str] = Counter()
        for program, statuses in zip(self.programs, self._statuses, strict=True):
            coder[SYNTAX_ERROR if Status.COMPILE_ERROR in statuses else fate_of(program)] += 1
        return coder, Counter(self._tester_fates)

    def understood(self) -> int:
        """Return the number of generated tests beside those that repeat an example's input."""
        examples = {test.input for test in self.public}
        return sum(test.input not in examples for test in self.tests)

    def inputs(self) -> list[str]:
        """Return every distinct input, public ones first."""
        return list(dict.fromkeys(test.input for test in (*self.public, *self.tests)))

    def compared_inputs(self) -> list[str]:
        """Return every distinct input on which outputs are compared: also those of tests that vote no longer.

        A program that comes after them is to run on these, too, or it would agree with nobody.
        """
        return list(self._compared)

    def _add_column(self, test: TestCase) -> None:
        self._matrix = None
        column = len(self.tests)
        self.tests.append(test)
        self._columns[test.input].append(column)
        self._compared[test.input] = None
        self._cells_nm.add_column(_UNKNOWN)
        for row in range(len(self.programs)):
            outcome = self._outcomes.get((row, test.input))
            if outcome is not None:
                self._cells_nm.cells[row, column] = self._judge(outcome, test)
                if test.input not in self._places or not self._prints_nx.cells[row, self._places[test.input]]:
                    self._note_output(row, test.input, outcome)  # executed before, to tell programs apart

    def _judge(self, outcome: Outcome, test: TestCase) -> int:
        found = verdict(outcome, test.output, self.judging)
        return _UNKNOWN if found is None else _PASSED if found else _FAILED

    def _note_output(self, row: int, stdin: str, outcome: Outcome) -> None:
        place = self._places.setdefault(stdin, len(self._places))
        if place == len(self._groups):
            self._groups.append(OutputGroups(self.judging.comparison))
            self._prints_nx.add_column(0)
        self._prints_nx.cells[row, place] = self._groups[place].number(outcome)


class _Grid:
    """Array of cells that grows by rows and columns without copying at every step."""

    def __init__(self, columns: int, rows: int = 0) -> None:
        self._rows, self._columns = rows, columns
        self.cells = np.full((max(rows, 16), max(columns, 16)), _UNKNOWN, dtype=np.int32)

    @property
    def used(self) -> IntArray:
        return np.ascontiguousarray(self.cells[: self._rows, : self._columns])

    def add_row(self, value: int) -> None:
        self._make_room(self._rows + 1, self._columns)
        self.cells[self._rows] = value
        self._rows += 1

    def add_column(self, value: int) -> None:
        self._make_room(self._rows, self._columns + 1)
        self.cells[:, self._columns] = value
        self._columns += 1

    def _make_room(self, rows: int, columns: int) -> None:
        have = self.cells.shape
        if rows > have[0] or columns > have[1]:
            larger = np.full((max(have[0], 2 * rows), max(have[1], 2 * columns)), _UNKNOWN, dtype=np.int32)
            larger[: have[0], : have[1]] = self.cells
            self.cells = larger
