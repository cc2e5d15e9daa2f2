"""Comparison `exact-lines`: lines equal but for trailing blanks and trailing empty lines.

For tasks in which blanks inside a line, leading blanks or empty lines carry meaning.
"""

from __future__ import annotations

_BLANKS = " \t\r\v\f"


def matches(expected: str, got: str) -> bool:
    return _lines(expected) == _lines(got)


def _lines(text: str) -> list[str]:
    return [line.rstrip(_BLANKS) for line in text.rstrip(_BLANKS + "\n").split("\n")]
