"""Reading of an archived pass matrix, cell by cell and as a whole: statuses, right tests, votes, the best-of-N pick.

    CellStatus        result of a program on a test, with its glyph and style
    Standing          correct, wrong or undecided: of a program by the ground truth, of a test by the correct programs
    read_matrix       MatrixRecord -> Reading
    read_cells        PassMatrix, statuses of its cells -> Reading

Shapes: n programs, t ground-truth tests, m generated tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from engine.reward.pass_matrix import PassMatrix
from engine.runs.records import STATUSES, CellGrid, MatrixRecord

Codes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


class _Sign(Enum):
    """Sign with a label, a glyph, a glyph for ASCII terminals, and a style."""

    label: str
    glyph: str
    style: str

    def __init__(self, label: str, glyph: str, style: str) -> None:
        self.label, self.glyph, self.style = label, glyph, style


class CellStatus(_Sign):
    """Result of a program on a test; failures other than a wrong answer are letters."""

    PASSED = ("passed", "■", "good")
    WRONG_ANSWER = ("wrong answer", "×", "bad")
    RUNTIME_ERROR = ("runtime error", "E", "warning")
    TIME_LIMIT = ("time limit", "T", "warning")
    MEMORY_LIMIT = ("memory limit", "M", "warning")
    OUTPUT_LIMIT = ("output limit", "O", "warning")
    CRASH = ("crash", "K", "warning")
    COMPILE_ERROR = ("compile error", "C", "warning")
    FAILED = ("failed", "F", "bad")  # from an archive without statuses, which does not say how
    UNKNOWN = ("unknown", "?", "unknown")  # the sandbox failed, not the program
    NOT_RUN = ("not run", "·", "unknown")
    MALFORMED = ("malformed", "–", "unknown")


CELL_STATUSES = tuple(CellStatus)
"""Statuses by code: a cell's code is the index of its status."""


class Standing(_Sign):
    """Judgement of a program (by the ground truth) or of a generated test (by the correct programs)."""

    CORRECT = ("correct", "●", "good")
    WRONG = ("wrong", "○", "bad")
    UNDECIDED = ("undecided", "?", "unknown")
    EMPTY = ("malformed", "–", "unknown")  # no program or test could be parsed from the answer


@dataclass(frozen=True, eq=False)
class Reading:
    """Pass matrix as the views show it.

    truth_nt, generated_nm  uint8 [n, t], [n, m]: codes of CELL_STATUSES
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

    def cell_status(self, program: int, test: int, is_truth: bool) -> CellStatus:
        return CELL_STATUSES[int((self.truth_nt if is_truth else self.generated_nm)[program, test])]


def read_matrix(record: MatrixRecord, malformed: Sequence[bool] | None = None) -> Reading:
    """Read `record`. malformed: as in `MatrixRecord.pass_matrix`."""
    return read_cells(record.pass_matrix(malformed), record.truth, record.generated)


def read_cells(matrix: PassMatrix, truth: CellGrid, generated: CellGrid) -> Reading:
    """Read a pass matrix whose cells have the statuses of `truth` and `generated`."""
    return Reading(
        truth_nt=_codes(truth, np.zeros(matrix.n_truth, dtype=np.bool_)),
        generated_nm=_codes(generated, matrix.malformed_m),
        programs=_standings(matrix.rejected_n, matrix.correct_n, matrix.judged_n),
        tests=_standings(matrix.malformed_m, matrix.right_m, matrix.judged_m),
        votes_n=matrix.votes_n,
        passing_t=matrix.truth_nt.sum(axis=0),
        passing_m=matrix.generated_nm.sum(axis=0),
        best=matrix.best_of_n() if matrix.generated_nm.size else None,
    )


def _standings(empty: Bools, good: Bools, judged: Bools) -> tuple[Standing, ...]:
    found = []
    for is_empty, is_good, is_judged in zip(empty.tolist(), good.tolist(), judged.tolist(), strict=True):
        judgement = (Standing.CORRECT if is_good else Standing.WRONG) if is_judged else Standing.UNDECIDED
        found.append(Standing.EMPTY if is_empty else judgement)
    return tuple(found)


def _codes(grid: CellGrid, malformed_c: Bools) -> Codes:
    if grid.status is None:
        codes = np.full(grid.passed.shape, _code(CellStatus.FAILED))
    else:
        codes = _OF_STATUS[np.minimum(grid.status, len(STATUSES))]
    codes = np.where(grid.passed, _code(CellStatus.PASSED), codes)
    codes = np.where(~grid.has_verdict & (codes != _code(CellStatus.NOT_RUN)), _code(CellStatus.UNKNOWN), codes)
    codes[:, malformed_c] = _code(CellStatus.MALFORMED)
    return codes.astype(np.uint8)


def _code(cell_status: CellStatus) -> int:
    return CELL_STATUSES.index(cell_status)


_CELL_STATUS_OF = {
    "ok": CellStatus.WRONG_ANSWER,  # looked up only for cells that did not pass
    "infrastructure": CellStatus.UNKNOWN,
    "runtime_error": CellStatus.RUNTIME_ERROR,
    "time_limit": CellStatus.TIME_LIMIT,
    "memory_limit": CellStatus.MEMORY_LIMIT,
    "output_limit": CellStatus.OUTPUT_LIMIT,
    "crash": CellStatus.CRASH,
    "compile_error": CellStatus.COMPILE_ERROR,
    "not_run": CellStatus.NOT_RUN,
}
# the last entry serves statuses that a later version may append
_OF_STATUS: Codes = np.array(
    [_code(_CELL_STATUS_OF.get(status, CellStatus.UNKNOWN)) for status in (*STATUSES, "")], dtype=np.uint8
)
