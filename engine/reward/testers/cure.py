"""Reward `cure`, the equation of the paper (arXiv 2506.03136), its product taken over the correct programs.

    R_u(k) = I_k * #{wrong programs that fail k} - (1 - I_k) * #{wrong programs that pass k}

I_k = 1 if test k is right, that is if every correct program passes it, else 0. Without a wrong program all are 0.
"""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.reward.testers.generated_tests import GeneratedTests


def reward(tests: GeneratedTests) -> FloatArray:
    """Pay a right test for each wrong program it catches, charge a wrong one for each it lets through."""
    return np.where(tests.right_m, tests.failing_m, -tests.passing_m)
