"""Numbers that an evaluation can have: none is negative, infinite or near 10^15. Imports no pydantic: lists need it."""

from __future__ import annotations

_LARGEST = 1e15
_ABOVE_ONE = 1 + 1e-9  # a mean of ones may round to this


def is_possible(number: object) -> bool:
    """Return True for a number that an evaluation can have: finite, not negative, and not near 10^15."""
    return type(number) in (int, float) and 0 <= number < _LARGEST  # type: ignore[operator]


def is_share(number: object) -> bool:
    """Return True for a number from 0 to 1."""
    return is_possible(number) and number <= _ABOVE_ONE  # type: ignore[operator]
