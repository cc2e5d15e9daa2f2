"""Comparison `tokens`: lower-cased tokens, floats to 1e-5, after the judge of CodeContests, but integers exactly.

The tolerance holds only where a side has a point or an exponent: 1000000007 is not 1000000008.
"""

from __future__ import annotations

from engine.sandbox.comparisons.numerals import is_integer, is_numeral, same_value, within

_TOLERANCE = 1e-5


def matches(expected: str, got: str) -> bool:
    expected_tokens, got_tokens = expected.lower().split(), got.lower().split()
    return len(expected_tokens) == len(got_tokens) and all(map(_token_matches, expected_tokens, got_tokens))


def _token_matches(expected: str, got: str) -> bool:
    if expected == got:
        return True
    if not (is_numeral(expected) and is_numeral(got)):
        return False
    if is_integer(expected) and is_integer(got):
        return same_value(expected, got)  # -0 and 0, +5 and 5
    return within(expected, got, _TOLERANCE)
