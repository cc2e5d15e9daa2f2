"""Reward `post-stage`, the option for late training of the code published with the paper (arXiv 2506.03136).

    R_u(k) = I_k * W * [all W wrong programs fail k] - (1 - I_k) * #{wrong programs that pass k}

Discrimination pays only when complete, while any wrong program that a wrong test lets through still costs.
"""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.reward.testers.generated_tests import GeneratedTests


def reward(tests: GeneratedTests) -> FloatArray:
    """Pay a right test W if no wrong program passes it, charge a wrong one as `cure` does."""
    complete_m = np.where(tests.passing_m == 0, tests.failing_m, 0.0)
    return np.where(tests.right_m, complete_m, -tests.passing_m)
