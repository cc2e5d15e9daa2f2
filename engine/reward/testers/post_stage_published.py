"""Reward `post-stage-published`: the option for late training exactly as the code published with the paper has it.

    R_u(k) = I_k * [all W wrong programs fail k] - (1 - I_k) * [any wrong program passes k]

Both sizes are 1: a wrong test loses as much as a complete right one earns as soon as one wrong program passes it. Where
W = 0, a right test earns +1 and a wrong one -1. `post-stage` counts the wrong programs instead.
"""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.reward.testers.generated_tests import GeneratedTests


def reward(tests: GeneratedTests) -> FloatArray:
    """Return R_u, (m,): +1, 0 or -1."""
    if not tests.n_wrong:
        return np.where(tests.right_m, 1.0, -1.0)
    complete_m, lets_through_m = tests.passing_m == 0, tests.passing_m > 0
    return np.where(tests.right_m, complete_m, -1.0 * lets_through_m)
