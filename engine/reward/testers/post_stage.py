"""Reward `post-stage`, after an option for late training in the code published with the paper (arXiv 2506.03136).

    R_u(k) = I_k * W * [all W wrong programs fail k] - (1 - I_k) * #{wrong programs that pass k}

A right test earns nothing unless it catches every wrong program; a wrong test still loses 1 per wrong program that it
lets through. `post-stage-published` is the option exactly as published: there a wrong test loses as much as a complete
right one earns as soon as any wrong program passes it, however many do.
"""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.reward.testers.generated_tests import GeneratedTests


def reward(tests: GeneratedTests) -> FloatArray:
    """Return R_u, (m,): W for a right test that all W wrong programs fail, else 0; a wrong test loses as in `cure`."""
    complete_m = np.where(tests.passing_m == 0, tests.failing_m, 0.0)
    return np.where(tests.right_m, complete_m, -tests.passing_m)
