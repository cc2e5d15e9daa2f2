"""Rounding to dots that comes out alike on every CPU."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cure_tui.charts.series import Floats

_PLACES = 6


def nearest(values: Floats | float) -> npt.NDArray[np.intp]:
    """Return the whole number nearest to each finite value, of two equally near the even one.

    Values halfway between two dots are common: a tick's, or the border of two columns. The last bits of a logarithm or
    of a moving average differ by CPU and must not decide between those dots, so they are rounded away first.
    """
    whole: npt.NDArray[np.intp] = np.rint(np.round(values, _PLACES)).astype(np.intp)
    return whole
