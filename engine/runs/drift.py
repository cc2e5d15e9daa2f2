"""Rule of KL drift, by which the engine ends a run and the dashboard raises an alert. Without numpy."""

from __future__ import annotations

from collections.abc import Sequence

KL_STEPS = 5
"""Steps whose KL estimates are looked at together to tell drift from a single odd token; odd, for the median."""


def drifted_kl(recent_kl: Sequence[float | None], bound: float) -> float | None:
    """Return the median of the last `KL_STEPS` KL estimates where it exceeds `bound`: the policy has left the base.

    None where it has not. A step without an estimate (None) does not count. Late drift gains nothing. The median
    counts because k3 is heavy-tailed: one token that the base finds likely and the policy does not can lift a single
    step's mean tenfold. A bound of 0 is never exceeded.
    """
    known = [kl for kl in recent_kl if kl is not None][-KL_STEPS:]
    median = sorted(known)[KL_STEPS // 2] if len(known) == KL_STEPS else 0.0
    return median if 0 < bound < median else None
