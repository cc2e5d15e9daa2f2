"""Comparisons of an output with the expected one: one file each, chosen by name in `sandbox.comparison`.

All take linear time, whatever a program prints, and accept an output that equals the expected text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.sandbox.comparisons import exact_lines, json_values, numbers, tokens, whitespace

Compare = Callable[[str, str], bool]
"""expected, got -> whether they match. Not symmetric: a tolerance may depend on the form of the expected text."""

COMPARISONS: Mapping[str, Compare] = {
    "whitespace": whitespace.matches,
    "tokens": tokens.matches,
    "numbers": numbers.matches,
    "exact-lines": exact_lines.matches,
    "json": json_values.matches,
}
