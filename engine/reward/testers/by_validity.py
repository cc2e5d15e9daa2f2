"""Reward `validity`, an ablation of supervision by reference programs: R_u(k) = 1 for a valid test, 0 for any other.

It pays a test that every program passes as much as one that catches all wrong programs.
"""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.reward.testers.generated_tests import GeneratedTests


def reward(tests: GeneratedTests) -> FloatArray:
    """Return R_u, (m,): 1 or 0."""
    return np.where(tests.right_m, 1.0, 0.0)
