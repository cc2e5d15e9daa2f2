"""Comparison `numbers`: tokens equal as texts or as decimal numbers: 2.5 = 2.50 and 3 = 3.0, as LiveCodeBench judges.

Where the expected token has a fraction, a difference of 1e-6, absolute or relative, passes too.
"""

from __future__ import annotations

from engine.sandbox.comparisons.numerals import has_fraction, is_numeral, same_value, within

_TOLERANCE = 1e-6


def matches(expected: str, got: str) -> bool:
    expected_tokens, got_tokens = expected.split(), got.split()
    return len(expected_tokens) == len(got_tokens) and all(map(_token_matches, expected_tokens, got_tokens))


def _token_matches(expected: str, got: str) -> bool:
    return expected == got or (is_numeral(expected) and is_numeral(got) and numerals_match(expected, got))


def numerals_match(expected: str, got: str) -> bool:
    return same_value(expected, got) or (has_fraction(expected) and within(expected, got, _TOLERANCE))
