"""Unbiased pass@k, and best of n between its floor and its ceiling."""

from __future__ import annotations

import math


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Return 1 - C(n - c, k) / C(n, k), the chance that one of k programs drawn from n is correct.

    Raises ValueError unless 1 <= k <= n and 0 <= correct <= n: more programs than there are cannot be drawn.
    """
    if not (1 <= k <= n and 0 <= correct <= n):
        raise ValueError(f"pass@{k} of {n} programs, {correct} of them correct, is undefined")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def sizes_of_k(n: int) -> list[int]:
    """Return 1, 2, 4, ... below n, and n."""
    return [1 << power for power in range(n.bit_length()) if 1 << power < n] + [n] if n > 0 else []


def gap_closed(best: float, floor: float, ceiling: float) -> float | None:
    """Return the share of the way from the mean program (floor) to pass@n (ceiling) that best of n goes.

    Negative if the choice is worse than a random one; None if there is no way to go.
    """
    return (best - floor) / (ceiling - floor) if ceiling > floor else None
