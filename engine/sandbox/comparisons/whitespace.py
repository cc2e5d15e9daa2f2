"""Comparison `whitespace`: texts equal after collapsing white space, as CURE's published code judges."""

from __future__ import annotations


def matches(expected: str, got: str) -> bool:
    return expected.split() == got.split()
