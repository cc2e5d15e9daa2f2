"""Result of one task as evaluation sees it: pass matrix, which generated tests are right, and on whose word."""

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
    """One held-out task, its n programs and m tests sampled and executed. Arrays become read-only copies.

    test_right_m   (m,) right by the basis, as `PassMatrix.right_m`. Made False for malformed tests.
    test_judged_m  (m,) not undecided by the basis, as `PassMatrix.judged_m`. Made True for malformed tests, False for
                   the others where the basis is NONE.
    test_valid_m   (m,) the task's validator accepts the test; None where the task has no validator.
    programs       n sources, None exactly where `matrix.rejected_n`.
    test_inputs, test_outputs   m strings; what stands in the place of a malformed test is ignored.
    coder_lengths_n, tester_lengths_m   answers' lengths in tokens, all answers included.
    ValueError where sizes do not fit the matrix, or an undecided test is called right.
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
            raise ValueError(f"task {self.task_id}: a test is called right although nobody could judge it")
        if valid_m is not None:
            valid_m &= well_formed_m
        for name, array in frozen.items():
            if array is not None:
                array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def n_counted(self) -> int:
        """Tests that UT accuracy is a share of: those judged; all m with basis NONE, or hard tasks would not count."""
        return self.matrix.n_generated if self.ut_basis is UtBasis.NONE else int(self.test_judged_m.sum())

    @property
    def counted_right_m(self) -> BoolArray:
        """Tests that count for UT accuracy: right and, where validity is known, valid."""
        return self.test_right_m if self.test_valid_m is None else self.test_right_m & self.test_valid_m


def judge_tests_by_reference(
    reference_pass_rm: ArrayLike, malformed_m: ArrayLike | None = None, known_rm: ArrayLike | None = None
) -> tuple[BoolArray, BoolArray]:
    """Return which of the m tests are right and which are judged by r >= 1 reference programs, correct by definition.

    The rule is that of `PassMatrix`. ValueError without a reference.
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
    """Return the same by the policy's own correct programs, and the basis: OWN_CORRECT, or NONE where there is none."""
    return matrix.right_m, matrix.judged_m, UtBasis.OWN_CORRECT if matrix.correct_n.any() else UtBasis.NONE


def collapse(text: str) -> str:
    """White space collapsed, as outputs are compared."""
    return " ".join(text.split())


def well_formed(result: TaskResult, texts: Sequence[str]) -> list[str]:
    """Of one text a test, those of the well-formed tests, collapsed."""
    return [collapse(text) for text, bad in zip(texts, result.matrix.malformed_m, strict=True) if not bad]
