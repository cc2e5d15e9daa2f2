"""What an archived pass matrix says, cell by cell and as a whole: verdicts, right tests, votes, the best-of-N pick.

    Verdict           what became of a program on a test, with its glyph and style
    Standing          correct, wrong or undecided: of a program by the ground truth, of a test by the correct programs
    read_matrix       MatrixRecord -> Reading
    malformed_tests   which columns of a task's matrix hold no test

Shapes: n programs, t ground-truth tests, m generated tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from engine.reward.pass_matrix import PassMatrix
from engine.runs.records import NOT_RUN, STATUSES, CellGrid, MatrixRecord, TaskRecord

Codes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


class _Sign(Enum):
    """A thing with a name, a glyph, a glyph for terminals that know ASCII only, and a style."""

    label: str
    symbol: str
    ascii_symbol: str
    style: str

    def __init__(self, label: str, symbol: str, ascii_symbol: str, style: str) -> None:
        self.label, self.symbol, self.ascii_symbol, self.style = label, symbol, ascii_symbol, style

    def glyph(self, ascii_only: bool) -> str:
        return self.ascii_symbol if ascii_only else self.symbol


class Verdict(_Sign):
    """What became of a program on a test; ways to fail other than a wrong answer are letters."""

    PASSED = ("passed", "■", "#", "good")
    WRONG_ANSWER = ("wrong answer", "×", "x", "bad")
    RUNTIME_ERROR = ("runtime error", "E", "E", "warning")
    TIME_LIMIT = ("time limit", "T", "T", "warning")
    MEMORY_LIMIT = ("memory limit", "M", "M", "warning")
    OUTPUT_LIMIT = ("output limit", "O", "O", "warning")
    CRASH = ("crash", "K", "K", "warning")
    COMPILE_ERROR = ("compile error", "C", "C", "warning")
    FAILED = ("failed", "F", "F", "bad")  # an archive that keeps no statuses does not say how
    UNKNOWN = ("unknown", "?", "?", "unknown")  # the sandbox failed, not the program
    NOT_RUN = ("not run", "·", ".", "unknown")
    MALFORMED = ("malformed", "–", "~", "unknown")


VERDICTS = tuple(Verdict)
"""A cell's code is its verdict's place here."""


class Standing(_Sign):
    """What is known of a program (by the ground truth) or a generated test (by the correct programs)."""

    CORRECT = ("correct", "●", "+", "good")
    WRONG = ("wrong", "○", "-", "bad")
    UNDECIDED = ("undecided", "?", "?", "unknown")
    EMPTY = ("malformed", "–", "~", "unknown")  # neither program nor test could be read from the answer


@dataclass(frozen=True, eq=False)
class Reading:
    """What is read off one matrix.

    truth_nt, generated_nm  uint8 [n, t], [n, m]: codes of VERDICTS
    programs, tests         standings of the n programs (correct: I_j = 1) and of the m generated tests
    votes_n                 generated tests each program passes
    passing_t, passing_m    programs that pass each test
    best                    index of the best-of-N pick; None without a program or a generated test
    """

    truth_nt: Codes
    generated_nm: Codes
    programs: tuple[Standing, ...]
    tests: tuple[Standing, ...]
    votes_n: npt.NDArray[np.int64]
    passing_t: npt.NDArray[np.int64]
    passing_m: npt.NDArray[np.int64]
    best: int | None

    @property
    def n(self) -> int:
        return len(self.truth_nt)

    @property
    def t(self) -> int:
        return int(self.truth_nt.shape[1])

    @property
    def m(self) -> int:
        return int(self.generated_nm.shape[1])

    def standing_of_test(self, test: int) -> str:
        """In a word; a test is said to be right where a program is said to be correct."""
        standing = self.tests[test]
        return "right" if standing is Standing.CORRECT else standing.label

    def verdict(self, program: int, test: int, is_truth: bool) -> Verdict:
        return VERDICTS[int((self.truth_nt if is_truth else self.generated_nm)[program, test])]


def malformed_tests(task: TaskRecord) -> tuple[bool, ...] | None:
    """Which generated tests could not be read from their answers; None where the task does not keep its tests.

    A test is never read without an expected output: one that expects nothing would pass programs that do nothing.
    """
    if task.matrix is None or len(task.generated_tests) != task.matrix.generated_nm.shape[1]:
        return None
    return tuple(not test.expected.strip() for test in task.generated_tests)


def read_matrix(record: MatrixRecord, malformed: Sequence[bool] | None = None) -> Reading:
    """Reads everything off `record`. `malformed`: per generated test, whether no test could be read from its answer;
    None: those on which nothing was run although programs were."""
    ran_nt, ran_nm = _ran(record.truth), _ran(record.generated)
    n, m = ran_nm.shape
    any_ran = bool(ran_nt.any() or ran_nm.any())
    nothing_ran_m: Bools = np.full(m, any_ran) & ~ran_nm.any(axis=0)
    malformed_m = nothing_ran_m if malformed is None else np.array(malformed, dtype=np.bool_)
    # An answer without a program was run on nothing at all; where nobody was run there is no telling.
    rejected_n: Bools = np.full(n, any_ran) & ~ran_nt.any(axis=1) & ~ran_nm.any(axis=1)
    matrix = PassMatrix(
        truth_nt=record.truth_nt,
        generated_nm=record.generated_nm,
        malformed_m=malformed_m,
        rejected_n=rejected_n,
        known_nt=_known(record.truth),
        known_nm=_known(record.generated),
    )
    correct_n = matrix.correct_n if record.correct_n is None else record.correct_n
    return Reading(
        truth_nt=_codes(record.truth, np.zeros(ran_nt.shape[1], dtype=np.bool_)),
        generated_nm=_codes(record.generated, malformed_m),
        programs=tuple(
            _standing(bool(rejected), bool(correct), bool(judged))
            for rejected, correct, judged in zip(rejected_n, correct_n, matrix.judged_n | correct_n, strict=True)
        ),
        tests=_tests(matrix, correct_n),
        votes_n=matrix.votes_n,
        passing_t=matrix.truth_nt.sum(axis=0),
        passing_m=matrix.generated_nm.sum(axis=0),
        best=matrix.best_of_n() if n and m else None,
    )


def _tests(matrix: PassMatrix, correct_n: Bools) -> tuple[Standing, ...]:
    """A test is right if every correct program that has a verdict on it passes it."""
    known_nm, passes_nm = matrix.known_nm[correct_n], matrix.generated_nm[correct_n]
    right_m: Bools = np.asarray((passes_nm | ~known_nm).all(axis=0))
    judged_m: Bools = np.asarray(known_nm.any(axis=0))
    return tuple(
        _standing(bool(bad), bool(right), bool(judged))
        for bad, right, judged in zip(matrix.malformed_m, right_m, judged_m, strict=True)
    )


def _standing(empty: bool, correct: bool, judged: bool) -> Standing:
    if empty:
        return Standing.EMPTY
    if not judged:
        return Standing.UNDECIDED
    return Standing.CORRECT if correct else Standing.WRONG


def _ran(grid: CellGrid) -> Bools:
    """Where something was run; everywhere if the archive kept no statuses."""
    return np.ones_like(grid.passed) if grid.status is None else np.asarray(grid.status != NOT_RUN)


def _known(grid: CellGrid) -> Bools:
    known = np.ones_like(grid.passed) if grid.known is None else grid.known
    return known if grid.status is None else np.asarray(known & (grid.status != _INFRASTRUCTURE))


def _codes(grid: CellGrid, malformed_c: Bools) -> Codes:
    if grid.status is None:
        codes = np.full(grid.passed.shape, _code(Verdict.FAILED))
    else:
        codes = _OF_STATUS[np.minimum(grid.status, len(STATUSES))]
    codes = np.where(grid.passed, _code(Verdict.PASSED), codes)
    codes = np.where(~_known(grid) & (codes != _code(Verdict.NOT_RUN)), _code(Verdict.UNKNOWN), codes)
    codes[:, malformed_c] = _code(Verdict.MALFORMED)
    return codes.astype(np.uint8)


def _code(verdict: Verdict) -> int:
    return VERDICTS.index(verdict)


_INFRASTRUCTURE = STATUSES.index("infrastructure")
_VERDICT_OF_STATUS = {
    "ok": Verdict.WRONG_ANSWER,  # of a cell that did not pass
    "infrastructure": Verdict.UNKNOWN,
    "runtime_error": Verdict.RUNTIME_ERROR,
    "time_limit": Verdict.TIME_LIMIT,
    "memory_limit": Verdict.MEMORY_LIMIT,
    "output_limit": Verdict.OUTPUT_LIMIT,
    "crash": Verdict.CRASH,
    "compile_error": Verdict.COMPILE_ERROR,
    "not_run": Verdict.NOT_RUN,
}
# the last one is for statuses that a later version may append
_OF_STATUS: Codes = np.array(
    [_code(_VERDICT_OF_STATUS.get(status, Verdict.UNKNOWN)) for status in (*STATUSES, "")], dtype=np.uint8
)
