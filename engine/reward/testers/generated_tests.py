"""Generated tests of one task as a tester reward sees them, and the protocol of a tester reward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.reward.pass_matrix import BoolArray, FloatArray, PassMatrix


@dataclass(frozen=True, eq=False)
class GeneratedTests:
    """Findings on each of the m generated tests of a task with n_wrong wrong programs.

    right_m    every correct program passes it (`PassMatrix.right_m`)
    passing_m  wrong programs that pass it
    failing_m  wrong programs that fail it
    judged_m   enough is known to pay it: a correct program and, where there is any, a wrong one has a verdict on it

    Where the sandbox failed on some of the wrong programs, the counts are those that the known share stands for. A
    malformed test stands here as the worst test possible, a wrong one that every wrong program passes: no reward of
    the group is below its own, while its empty column, left alone, would earn 0.
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
"""GeneratedTests -> one reward a test, (m,). Those of tests that are not judged are replaced afterwards."""
