"""Numerals in program output: exact values and tolerances of decimal tokens.

A numeral has ASCII digits and no leading zero. Python's `float` also reads `1_000`, `0011`, `nan` and digits of other
scripts; here they are words, so a string of bits never equals a number.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation

# Possessive quantifiers: a megabyte of digits is scanned once.
_NUMERAL = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+")


def is_numeral(token: str) -> bool:
    return _NUMERAL.fullmatch(token) is not None


def is_integer(numeral: str) -> bool:
    """Tell whether a numeral has neither point nor exponent."""
    return numeral.lstrip("+-").isdigit()


def has_fraction(numeral: str) -> bool:
    """Tell whether a numeral has a point or a negative exponent: its writer computed with fractions."""
    return "." in numeral or "e-" in numeral.lower()


def same_value(left: str, right: str) -> bool:
    """Compare two numerals as decimals, exactly: 3 = 3.0 = 30e-1."""
    try:
        return Decimal(left) == Decimal(right)
    except InvalidOperation:  # an exponent of more than 18 digits
        return False


def within(left: str, right: str, tolerance: float) -> bool:
    """Compare two numerals as floats, absolutely or relatively; False beyond the floats' range."""
    a, b = float(left), float(right)
    return math.isfinite(a) and math.isfinite(b) and math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
