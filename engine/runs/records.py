"""Records of a step that the archive keeps: rollouts, tests and pass matrices, small and frozen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine.reward.pass_matrix import PassMatrix

Bools = npt.NDArray[np.bool_]

# Codes of a cell's outcome, in this order; the names are those of engine.sandbox.Status. Append only: the
# codes are in every archive ever written.
STATUSES = (
    "ok",
    "runtime_error",
    "time_limit",
    "memory_limit",
    "output_limit",
    "crash",
    "compile_error",
    "infrastructure",
    "not_run",
)
NOT_RUN = STATUSES.index("not_run")
_INFRASTRUCTURE = STATUSES.index("infrastructure")
MAX_OUTPUT_CHARS = 2000


class CellOutcome(Protocol):
    """Part of engine.sandbox.Outcome that the archive keeps of an execution."""

    @property
    def status(self) -> str: ...
    @property
    def stdout(self) -> str: ...
    @property
    def cpu_seconds(self) -> float: ...


@dataclass(frozen=True, slots=True)
class RolloutRecord:
    """Sampled answer.

    role: "coder" or "tester"; index: its place in its group; tokens: its length; finished: False if truncated.
    status: "ok", or why no program or test could be parsed from it (engine.prompts.RejectReason).
    source: the program that was executed; empty for testers (their test is a TestRecord) and rejected answers.
    """

    role: str
    index: int
    reward: float
    advantage: float
    tokens: int
    finished: bool
    status: str
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class TestRecord:
    """Unit test, a column of a matrix; `rollout`: index of the tester's answer it was parsed from, if any."""

    __test__ = False  # for pytest: not a test class

    input: str
    expected: str
    rollout: int | None = None


@dataclass(frozen=True, eq=False)
class CellGrid:
    """Grid of programs x tests of one kind: verdicts and, where kept, the outcome of each cell.

    passed:       bool [n, c]
    known:        bool [n, c]; False where a program was not executed on a test. None: all are known.
    status:       uint8 [n, c], codes of STATUSES; None: not kept
    milliseconds: uint32 [n, c] of CPU time; None: not kept
    outputs:      n rows of c standard outputs, each cut to MAX_OUTPUT_CHARS; None: not kept
    Raises ValueError if shapes differ.
    """

    passed: Bools
    known: Bools | None = None
    status: npt.NDArray[np.uint8] | None = None
    milliseconds: npt.NDArray[np.uint32] | None = None
    outputs: tuple[tuple[str, ...], ...] | None = None

    def __post_init__(self) -> None:
        if self.passed.ndim != 2:
            raise ValueError(f"a grid is programs x tests, not of shape {self.passed.shape}")
        for name in ("known", "status", "milliseconds"):
            array = getattr(self, name)
            if array is not None and array.shape != self.passed.shape:
                raise ValueError(f"{name} has shape {array.shape}, passed has {self.passed.shape}")
        programs, tests = self.passed.shape
        if self.outputs is not None and (
            len(self.outputs) != programs or any(len(row) != tests for row in self.outputs)
        ):
            raise ValueError(f"outputs are not {programs} rows of {tests}")

    @property
    def executed(self) -> Bools:
        """Cells whose program was executed, bool [n, c]; all of them if no statuses are kept."""
        return np.ones_like(self.passed) if self.status is None else np.asarray(self.status != NOT_RUN)

    @property
    def has_verdict(self) -> Bools:
        """Cells whose program was executed without a failure of the sandbox, bool [n, c]."""
        known = np.ones_like(self.passed) if self.known is None else self.known
        return known if self.status is None else np.asarray(known & (self.status != _INFRASTRUCTURE))

    @staticmethod
    def of_outcomes(passed: Bools, outcomes: Sequence[Sequence[CellOutcome | None]]) -> CellGrid:
        """Build the grid from verdicts, bool [n, c], and n rows of c outcomes; None: the cell was not executed."""
        shape = passed.shape
        cells = [outcome for row in outcomes for outcome in row]
        codes = [NOT_RUN if cell is None else _CODES[cell.status] for cell in cells]
        milliseconds = [0 if cell is None else round(cell.cpu_seconds * 1000) for cell in cells]
        return CellGrid(
            passed=passed,
            known=np.array([cell is not None for cell in cells], dtype=np.bool_).reshape(shape),
            status=np.array(codes, dtype=np.uint8).reshape(shape),
            milliseconds=np.array(milliseconds, dtype=np.uint32).reshape(shape),
            outputs=tuple(tuple("" if cell is None else _cut(cell.stdout) for cell in row) for row in outcomes),
        )


@dataclass(frozen=True, eq=False)
class MatrixRecord:
    """Pass matrix of one task: n programs x (t ground-truth + m generated) tests.

    correct_n: bool [n], True for programs that pass all ground-truth tests; None: not kept.
    """

    truth: CellGrid
    generated: CellGrid
    correct_n: Bools | None = None

    def __post_init__(self) -> None:
        programs = len(self.truth.passed)
        if len(self.generated.passed) != programs or (self.correct_n is not None and len(self.correct_n) != programs):
            raise ValueError(f"a matrix of {programs} programs needs that many rows on both sides and in correct_n")

    @property
    def truth_nt(self) -> Bools:
        return self.truth.passed

    @property
    def generated_nm(self) -> Bools:
        return self.generated.passed

    def pass_matrix(self, malformed: Sequence[bool] | None = None) -> PassMatrix:
        """Return the recorded matrix as the type that training uses, so that verdicts mean the same.

        malformed: per generated test, True if no test could be parsed from its answer (`TaskRecord.malformed_tests`).
        None: tests on which no program was executed count as malformed. Programs that were executed on no test count
        as rejected. If nothing was executed at all, nothing counts as either.
        """
        ran_nt, ran_nm = self.truth.executed, self.generated.executed
        any_ran = bool(ran_nt.any() or ran_nm.any())
        nothing_ran_m: Bools = np.asarray(~ran_nm.any(axis=0) & any_ran)
        nothing_ran_n: Bools = np.asarray(~ran_nt.any(axis=1) & ~ran_nm.any(axis=1) & any_ran)
        return PassMatrix(
            truth_nt=self.truth_nt,
            generated_nm=self.generated_nm,
            malformed_m=nothing_ran_m if malformed is None else np.array(malformed, dtype=np.bool_),
            rejected_n=nothing_ran_n,
            known_nt=self.truth.has_verdict,
            known_nm=self.generated.has_verdict,
        )


@dataclass(frozen=True, eq=False)
class TaskRecord:
    """One task of one step. Tests are in the order of the matrix's columns, programs in that of its rows.

    comparison: of outputs, by its name in `sandbox.comparison`; "" where it is not kept, as in archives. weight: of
    the task when it was drawn, 1.0 = as in equal passes over the tasks; None without `data.curriculum`.
    """

    task: str
    statement: str
    rollouts: tuple[RolloutRecord, ...]
    truth_tests: tuple[TestRecord, ...] = ()
    generated_tests: tuple[TestRecord, ...] = ()
    matrix: MatrixRecord | None = None
    comparison: str = ""
    weight: float | None = None

    @property
    def malformed_tests(self) -> tuple[bool, ...] | None:
        """Flags of the generated tests that could not be parsed; None if the record lacks the tests.

        An empty expected output marks them. No parsed test has one: it would pass programs that print nothing.
        """
        if self.matrix is None or len(self.generated_tests) != self.matrix.generated_nm.shape[1]:
            return None
        return tuple(not test.expected.strip() for test in self.generated_tests)


@dataclass(frozen=True, eq=False)
class StepRecord:
    """One step; `tasks` in the order of the batch."""

    step: int
    tasks: tuple[TaskRecord, ...]


_CODES = {name: code for code, name in enumerate(STATUSES)}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_OUTPUT_CHARS else text[: MAX_OUTPUT_CHARS - 1] + "…"
