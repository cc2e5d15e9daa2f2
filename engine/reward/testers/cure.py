"""Reward `cure`, the paper's equation (arXiv 2506.03136), with its product taken over the correct programs only.

    R_u(k) = I_k * #{wrong programs that fail k} - (1 - I_k) * #{wrong programs that pass k}

I_k = 1 if test k is right, that is if every correct program passes it, else 0. The paper prints the product over all
programs, which would be 0 whenever a program is wrong. Without a wrong program all rewards are 0.
"""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.reward.testers.generated_tests import GeneratedTests


def reward(tests: GeneratedTests) -> FloatArray:
    """Return R_u, (m,): a right test gains 1 per wrong program it fails, a wrong test loses 1 per one it passes."""
    return np.where(tests.right_m, tests.failing_m, -tests.passing_m)
