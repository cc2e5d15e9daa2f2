"""Pass matrices for tests: from rows of 0 and 1, and random ones."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.reward.pass_matrix import BoolArray, PassMatrix


def cells(*rows: str) -> BoolArray:
    """Build a matrix from rows such as "1101"."""
    return np.array([[mark == "1" for mark in row] for row in rows], dtype=np.bool_)


@st.composite
def matrices(draw: st.DrawFn, min_programs: int = 1) -> PassMatrix:
    """Draw matrices with unknown cells, malformed tests and rejected programs."""
    n = draw(st.integers(min_programs, 7))
    m, t = draw(st.integers(0, 6)), draw(st.integers(0, 4))
    return PassMatrix(
        truth_nt=draw(hnp.arrays(np.bool_, (n, t))),
        generated_nm=draw(hnp.arrays(np.bool_, (n, m))),
        malformed_m=draw(hnp.arrays(np.bool_, (m,))),
        rejected_n=draw(hnp.arrays(np.bool_, (n,))),
        known_nt=draw(hnp.arrays(np.bool_, (n, t))),
        known_nm=draw(hnp.arrays(np.bool_, (n, m))),
    )
