"""Generated tests of one task as a tester reward sees them, and the protocol of a tester reward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.reward.pass_matrix import BoolArray, FloatArray, PassMatrix


@dataclass(frozen=True, eq=False)
class GeneratedTests:
    """Counts for each of the m generated tests of a task with n_wrong wrong programs; all arrays are (m,).

    right_m    every correct program passes the test (`PassMatrix.right_m`)
    passing_m  number of wrong programs that pass it
    failing_m  number of wrong programs that fail it
    judged_m   a correct program has a verdict on it and, if the task has wrong programs, one of them has, too

    Where the sandbox failed on some of the wrong programs, the counts are scaled up from the known ones. A malformed
    test counts as the worst possible test, a wrong one that every wrong program passes. Its empty column would
    otherwise earn 0, more than an honest wrong test, and the tester would learn to write none.
    """

    n_wrong: int
    right_m: BoolArray
    passing_m: FloatArray
    failing_m: FloatArray
    judged_m: BoolArray

    @classmethod
    def of(cls, matrix: PassMatrix) -> GeneratedTests:
        """Count the wrong programs that pass and fail each test of `matrix`."""
        passes_wm, known_wm = matrix.generated_nm[matrix.wrong_n], matrix.known_nm[matrix.wrong_n]
        n_wrong, known_m = len(known_wm), known_wm.sum(axis=0)
        passing_m = n_wrong * passes_wm.sum(axis=0) / np.maximum(known_m, 1)
        failing_m = n_wrong * (known_wm & ~passes_wm).sum(axis=0) / np.maximum(known_m, 1)
        return cls(
            n_wrong=n_wrong,
            right_m=matrix.right_m,
            passing_m=np.where(matrix.malformed_m, float(n_wrong), passing_m),
            failing_m=np.where(matrix.malformed_m, 0.0, failing_m),
            judged_m=matrix.judged_m & ((known_m > 0) | (n_wrong == 0)),
        )


TesterReward = Callable[[GeneratedTests], FloatArray]
"""GeneratedTests -> rewards (m,). The caller replaces those of tests that are not judged."""
