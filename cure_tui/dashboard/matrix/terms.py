"""Explanation of a pass matrix: its sides, marks and cells."""

from __future__ import annotations

from cure_tui.dashboard.explain import Explanation, Term
from cure_tui.dashboard.matrix.reading import CellStatus, Standing

_STANDINGS = {
    Standing.CORRECT: "a correct program (passes all ground-truth tests), a right test (every correct program passes)",
    Standing.WRONG: "a wrong program, or a wrong test: a correct program fails it",
    Standing.UNDECIDED: "undecided: no verdict on all ground-truth tests, or no correct program to judge the test by",
    Standing.EMPTY: "malformed: no program or test was found in the answer",
}
_CELLS = {
    CellStatus.PASSED: "the program passes the test",
    CellStatus.WRONG_ANSWER: "it prints another output",
    CellStatus.RUNTIME_ERROR: "it ends with an error, such as an exception",
    CellStatus.TIME_LIMIT: "it takes more CPU time than allowed",
    CellStatus.MEMORY_LIMIT: "it takes more memory than allowed",
    CellStatus.OUTPUT_LIMIT: "it prints more than allowed",
    CellStatus.CRASH: "it is killed by a signal",
    CellStatus.COMPILE_ERROR: "it is not valid code",
    CellStatus.FAILED: "it fails; the archive does not say how",
    CellStatus.UNKNOWN: "the sandbox failed, not the program",
    CellStatus.NOT_RUN: "it was not run",
}

MATRIX = Explanation(
    "pass matrix",
    "One task of a step: a row for each program, a column for each test, the known (ground-truth) tests on the left, "
    "those that the tester wrote on the right.",
    (
        Term("I", "column of marks: whether the program is correct"),
        *(Term(standing.glyph, meaning, standing.style) for standing, meaning in _STANDINGS.items()),
        Term(
            "★", "best of n: the program that passes most generated tests, which best-of-N would hand over", "warning"
        ),
        Term("votes", "generated tests that the program passes, of all"),
        Term("right", "row of marks: whether the generated test is right"),
        Term("pass", "programs that pass the test, digits downwards"),
        *(Term(cell.glyph, f"{cell.label}: {meaning}", cell.style) for cell, meaning in _CELLS.items()),
    ),
)
"""Explanation of the matrix, for every view that shows one."""
