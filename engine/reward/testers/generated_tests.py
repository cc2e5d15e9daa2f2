"""Generated tests of one task as a tester reward sees them, and the protocol of a tester reward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.reward.pass_matrix import BoolArray, FloatArray, PassMatrix
from engine.reward.validity import Validity


@dataclass(frozen=True, eq=False)
class GeneratedTests:
    """Verdicts and counts for each of the m generated tests of a task with n_wrong wrong programs, w.

    right_m    every correct program passes the test (`PassMatrix.right_m`), or references confirm it (`Validity`)
    passing_m  number of wrong programs that pass it
    failing_m  number of wrong programs that fail it
    judged_m   the test is known to be right or wrong and, if the task has wrong programs, one has a verdict on it
    fails_wm   wrong program fails the test; False for a cell without a verdict and for a malformed test
    known_wm   wrong program has a verdict on the test

    Where the sandbox failed on some of the wrong programs, the counts are scaled up from the known ones. A malformed
    test counts as the worst possible test, a wrong one that every wrong program passes. Its empty column would
    otherwise earn 0, more than an honest wrong test, and the tester would learn to write none.
    """

    n_wrong: int
    right_m: BoolArray
    passing_m: FloatArray
    failing_m: FloatArray
    judged_m: BoolArray
    fails_wm: BoolArray
    known_wm: BoolArray

    @classmethod
    def of(cls, matrix: PassMatrix, validity: Validity | None = None) -> GeneratedTests:
        """Count the wrong programs that pass and fail each test of `matrix`.

        validity: judgement of the tests by reference programs, in the place of that by the correct samples.
        """
        passes_wm, known_wm = matrix.generated_nm[matrix.wrong_n], matrix.known_nm[matrix.wrong_n]
        n_wrong, known_m = len(known_wm), known_wm.sum(axis=0)
        fails_wm = known_wm & ~passes_wm & ~matrix.malformed_m
        passing_m = n_wrong * passes_wm.sum(axis=0) / np.maximum(known_m, 1)
        failing_m = n_wrong * fails_wm.sum(axis=0) / np.maximum(known_m, 1)
        judged_m = matrix.judged_m if validity is None else validity.judged_m
        return cls(
            n_wrong=n_wrong,
            right_m=matrix.right_m if validity is None else validity.valid_m,
            passing_m=np.where(matrix.malformed_m, float(n_wrong), passing_m),
            failing_m=failing_m,
            judged_m=judged_m & ((known_m > 0) | (n_wrong == 0)),
            fails_wm=fails_wm,
            known_wm=known_wm,
        )


TesterReward = Callable[[GeneratedTests], FloatArray]
"""GeneratedTests -> rewards (m,). The caller replaces those of tests that are not judged."""
