"""Rule of KL drift, by which the engine ends a run and the dashboard raises an alert. Without numpy."""

from __future__ import annotations

from collections.abc import Sequence

KL_STEPS = 5
"""Number of steps in the median that tells drift from a single outlying token; odd, so the median is one of them."""


def drifted_kl(recent_kl: Sequence[float | None], bound: float) -> float | None:
    """Return the median of the last `KL_STEPS` KL estimates where it exceeds `bound`: the policy has left the base.

    Return None otherwise. A step without an estimate (None) does not count. The rule uses the median because the k3
    estimator is heavy-tailed: one token that the base finds likely and the policy does not can lift a single
    step's mean tenfold. A bound of 0 is never exceeded.
    """
    known = [kl for kl in recent_kl if kl is not None][-KL_STEPS:]
    median = sorted(known)[KL_STEPS // 2] if len(known) == KL_STEPS else 0.0
    return median if 0 < bound < median else None
