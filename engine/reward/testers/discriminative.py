"""Reward `discriminative`, for late training: right tests share the wrong programs that they fail.

    R_u(k) = (1 / W) sum over wrong programs j that fail k of 1 / c_j   for a right test
    R_u(k) = - #{wrong programs that pass k} / W                        for a wrong one

c_j is the number of right tests that fail j, k itself among them: a program that k alone catches counts in full, one
that ten right tests catch counts a tenth in each. The rewards of a task's right tests add up to the share of wrong
programs that any of them catches, so a tester gains by tests that differ, not by the same test again. Where W = 0, a
right test earns +1 and a wrong one -1, as in `cure-code`.
"""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.reward.testers.generated_tests import GeneratedTests


def reward(tests: GeneratedTests) -> FloatArray:
    """Return R_u, (m,), from -1 to 1."""
    if not tests.n_wrong:
        return np.where(tests.right_m, 1.0, -1.0)
    right_fails_wm = tests.fails_wm & tests.right_m
    caught_by_w = np.maximum(right_fails_wm.sum(axis=1), 1)
    known_m = np.maximum(tests.known_wm.sum(axis=0), 1)
    shares_m = (right_fails_wm / caught_by_w[:, None]).sum(axis=0) / known_m
    return np.where(tests.right_m, shares_m, -tests.passing_m / tests.n_wrong)
