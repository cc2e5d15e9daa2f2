"""Comparison `json`: one JSON value, whatever its layout and the order of an object's keys.

For tasks converted from functions, whose result is printed as JSON. Numbers compare as in `numbers`; neither NaN nor
infinity is JSON.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from engine.sandbox.comparisons.numbers import numerals_match


class _Numeral(str):
    """Number as it was written: int() of a megabyte of digits would take minutes, and float() would round."""


def matches(expected: str, got: str) -> bool:
    if expected.strip() == got.strip():
        return True
    try:
        pending = [(_decode(expected), _decode(got))]
    except (ValueError, RecursionError):
        return False
    while pending:  # no recursion: what could be decoded can be compared
        left, right = pending.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, dict):
            if left.keys() != right.keys():
                return False
            pending += [(left[key], right[key]) for key in left]
        elif isinstance(left, list):
            if len(left) != len(right):
                return False
            pending += zip(left, right, strict=True)
        elif left != right and not (isinstance(left, _Numeral) and numerals_match(left, right)):
            return False
    return True


def _decode(text: str) -> Any:
    return json.loads(text, parse_int=_Numeral, parse_float=_Numeral, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
