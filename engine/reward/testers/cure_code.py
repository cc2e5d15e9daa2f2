"""Reward `cure-code`, from the code published with the paper (arXiv 2506.03136): `cure` divided by W.

    R_u(k) = I_k * #{wrong programs that fail k} / W - (1 - I_k) * #{wrong programs that pass k} / W

W is the number of wrong programs. Where W = 0, a right test earns +1 and a wrong one -1, unlike in the paper.
"""

from __future__ import annotations

import numpy as np

from engine.reward.pass_matrix import FloatArray
from engine.reward.testers import cure
from engine.reward.testers.generated_tests import GeneratedTests


def reward(tests: GeneratedTests) -> FloatArray:
    """Return R_u, (m,), in shares of the W wrong programs; +1 or -1 where no program is wrong."""
    return cure.reward(tests) / tests.n_wrong if tests.n_wrong else np.where(tests.right_m, 1.0, -1.0)
