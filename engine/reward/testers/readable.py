"""Reward `readable`, for a task without a correct program: the form of the tests, where their content has no judge.

    R_u(k) = -1 for a malformed test, 0 for any other

Only a correct program tells a right test from a wrong one, so readable tests are all alike, neither good nor bad; a
malformed one is known to be bad all the same. A small model learns the form so before its first program is right.
"""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import FloatArray, PassMatrix


def reward(matrix: PassMatrix) -> FloatArray | None:
    """Return R_u, (m,); None where all tests are readable, or none is: no difference, nothing to learn."""
    if matrix.malformed_m.all() or not matrix.malformed_m.any():
        return None
    return np.where(matrix.malformed_m, -1.0, 0.0)
