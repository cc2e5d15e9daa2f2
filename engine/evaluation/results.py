"""Result of one held-out task: its pass matrix, the right tests among the generated ones, and who judged them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.evaluation.summary import UtBasis
from engine.reward.pass_matrix import BoolArray, PassMatrix, as_verdicts

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TaskResult:
    """Result of one held-out task whose n programs and m tests were executed. Arrays become read-only copies.

    test_right_m   (m,) right according to `ut_basis`, as `PassMatrix.right_m`. Set to False for malformed tests.
    test_judged_m  (m,) judged according to `ut_basis`, as `PassMatrix.judged_m`. Set to True for malformed tests and,
                   with basis NONE, to False for all others.
    test_valid_m   (m,) accepted by the task's validator; None if the task has no validator.
    programs       n sources, None exactly where `matrix.rejected_n`.
    test_inputs, test_outputs   m strings; those of malformed tests are ignored.
    coder_lengths_n, tester_lengths_m   answers' lengths in tokens, all answers included.
    recovered      answers that only the kind reading understood.
    outputs_nm     (n, m) number of the output that a program prints on a test's input, as of
                   `engine.rollouts.filling.FilledTask`; None where outputs were not kept.
    Raises ValueError for sizes that do not fit the matrix, or a test that is right but not judged.
    """

    task_id: str
    matrix: PassMatrix
    test_right_m: BoolArray
    test_judged_m: BoolArray
    test_valid_m: BoolArray | None
    ut_basis: UtBasis
    programs: tuple[str | None, ...]
    test_inputs: tuple[str, ...]
    test_outputs: tuple[str, ...]
    coder_lengths_n: IntArray
    tester_lengths_m: IntArray
    recovered: int = 0
    outputs_nm: IntArray | None = None

    def __post_init__(self) -> None:
        n, m = self.matrix.n_programs, self.matrix.n_generated
        well_formed_m = ~self.matrix.malformed_m
        right_m = as_verdicts(self.test_right_m, "test_right_m", 1)
        judged_m = as_verdicts(self.test_judged_m, "test_judged_m", 1)
        valid_m = None if self.test_valid_m is None else as_verdicts(self.test_valid_m, "test_valid_m", 1)
        frozen: dict[str, NDArray[np.generic] | None] = {
            "test_right_m": right_m,
            "test_judged_m": judged_m,
            "test_valid_m": valid_m,
            "coder_lengths_n": np.array(self.coder_lengths_n, dtype=np.int64),
            "tester_lengths_m": np.array(self.tester_lengths_m, dtype=np.int64),
        }
        if self.outputs_nm is not None:
            outputs_nm = np.array(self.outputs_nm, dtype=np.int64)
            if outputs_nm.shape != (n, m):
                raise ValueError(f"task {self.task_id}: outputs_nm must have shape {(n, m)}, not {outputs_nm.shape}")
            outputs_nm.setflags(write=False)
            object.__setattr__(self, "outputs_nm", outputs_nm)
        sizes = {name: array.size for name, array in frozen.items() if array is not None}
        sizes |= {"programs": len(self.programs), "test_inputs": len(self.test_inputs)}
        sizes |= {"test_outputs": len(self.test_outputs)}
        for name, size in sizes.items():
            expected = n if name in ("programs", "coder_lengths_n") else m
            if size != expected:
                raise ValueError(f"task {self.task_id}: {name} must have {expected} entries, not {size}")
        if [source is None for source in self.programs] != self.matrix.rejected_n.tolist():
            raise ValueError(f"task {self.task_id}: programs are missing elsewhere than in matrix.rejected_n")
        right_m &= well_formed_m
        if self.ut_basis is UtBasis.NONE:
            judged_m[:] = False
        judged_m |= ~well_formed_m
        if (right_m & ~judged_m).any():
            raise ValueError(f"task {self.task_id}: a test is marked right but not judged")
        if valid_m is not None:
            valid_m &= well_formed_m
        for name, array in frozen.items():
            if array is not None:
                array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def n_counted(self) -> int:
        """Denominator of UT accuracy: the judged tests; with basis NONE all m, else hard tasks would not count."""
        return self.matrix.n_generated if self.ut_basis is UtBasis.NONE else int(self.test_judged_m.sum())

    @property
    def counted_right_m(self) -> BoolArray:
        """Numerator of UT accuracy, (m,): tests that are right and, if the task has a validator, valid."""
        return self.test_right_m if self.test_valid_m is None else self.test_right_m & self.test_valid_m


def judge_tests_by_reference(
    reference_pass_rm: ArrayLike, malformed_m: ArrayLike | None = None, known_rm: ArrayLike | None = None
) -> tuple[BoolArray, BoolArray]:
    """Judge the m tests by r >= 1 reference programs, which are correct by definition; return right_m and judged_m.

    The rule is that of `PassMatrix`. Raises ValueError without a reference.
    """
    passes_rm = as_verdicts(reference_pass_rm, "reference_pass_rm", 2)
    n_references, m = passes_rm.shape
    if n_references == 0:
        raise ValueError("no reference program to judge the tests by")
    references = PassMatrix(
        truth_nt=np.ones((n_references, 1), dtype=np.bool_),
        generated_nm=passes_rm,
        malformed_m=np.zeros(m, dtype=np.bool_) if malformed_m is None else np.asarray(malformed_m),
        known_nm=np.ones_like(passes_rm) if known_rm is None else np.asarray(known_rm),
    )
    return references.right_m, references.judged_m


def judge_tests_by_own_correct(matrix: PassMatrix) -> tuple[BoolArray, BoolArray, UtBasis]:
    """Judge the tests by the policy's own correct programs; return right_m, judged_m and OWN_CORRECT, or NONE."""
    return matrix.right_m, matrix.judged_m, UtBasis.OWN_CORRECT if matrix.correct_n.any() else UtBasis.NONE


def collapse(text: str) -> str:
    """Collapse white space, as the comparison of outputs does."""
    return " ".join(text.split())


def well_formed(result: TaskResult, texts: Sequence[str]) -> list[str]:
    """Return the texts (one per test) that belong to well-formed tests, white space collapsed."""
    return [collapse(text) for text, bad in zip(texts, result.matrix.malformed_m, strict=True) if not bad]
