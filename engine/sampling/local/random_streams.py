"""Random streams keyed by sample, so that a draw does not depend on the batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MASK_64 = (1 << 64) - 1


def uniform_stream(seed: int, index: int, count: int) -> npt.NDArray[np.float64]:
    """Return the first `count` numbers in [0, 1) of the stream keyed by (seed, index).

    Philox is counter-based: streams with different keys are independent and share no state, so a sample draws the same
    numbers in any batch. A longer stream begins with the shorter one.
    """
    key = np.array([seed & _MASK_64, index & _MASK_64], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key)).random(count)
