"""Threads of this process beside other busy processes."""

from __future__ import annotations

import os

_CHOSEN_BY_USER = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def sleep_at_barriers() -> None:
    """Make OpenMP's threads sleep at a barrier instead of spinning; call it before torch is imported.

    A spinning thread burns the core that its late sibling waits for: beside one busy process on two cores a step of
    nano took 13 to 41 s instead of 2.7, and takes 2.7 to 3.0 s with sleeping threads; alone on the machine there is no
    difference. An environment variable of the user's own wins.
    """
    if not any(name in os.environ for name in _CHOSEN_BY_USER):
        os.environ["GOMP_SPINCOUNT"] = "0"
