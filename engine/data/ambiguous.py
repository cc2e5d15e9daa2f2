"""Statements that accept several answers, or that no program on standard input can solve: found by their words."""

from __future__ import annotations

import re

_INTERACTIVE = re.compile(r"\bthis is an interactive\b|\binteractive (?:problem|task)\b|\binteractor\b", re.IGNORECASE)
_SEVERAL = re.compile(
    r"\bif there (?:are|is|exists?) (?:multiple|several|many|more than one)\b"
    r"|\bif (?:multiple|several|many) (?:\w+ )?(?:answers?|solutions?|ways?|possible|optimal|such)\b"
    r"|\b(?:print|output|return|find|report|display|choose) any (?:one )?(?:of (?:them|these|those)|valid|correct|such"
    r"|possible|suitable|solution|answer)\b"
    r"|\bany of (?:them|these)\b|\bany (?:valid|correct|possible|optimal) (?:answer|solution|sequence|string|output)\b"
    r"|\bin (?:any|arbitrary) order\b|\banswers? (?:is|are) not unique\b",
    re.IGNORECASE,
)
_ANY_CASE = re.compile(r"\bin any (?:case|register)\b|\bcase[- ]insensitive\b", re.IGNORECASE)
_TOLERANCE = re.compile(
    r"\b(?:absolute|relative)(?: or (?:absolute|relative))? (?:error|difference|precision)\b"
    r"|\b(?:error|precision) (?:of|up to|at most|not exceed)\b[^.]{0,30}10",
    re.IGNORECASE,
)


def unsolvable(statement: str) -> str:
    """Return why a program that reads its input and prints its output cannot be judged; "" if nothing says so."""
    return "it is interactive" if _INTERACTIVE.search(statement) else ""


def several_answers(statement: str) -> str:
    """Return the words by which a statement accepts several answers; "" if there are none."""
    found = _SEVERAL.search(statement)
    return " ".join(found[0].split()) if found else ""


def comparison_of(statement: str) -> str:
    """Return the comparison that the statement asks for: `tokens` for a tolerance or any letter case, else ""."""
    return "tokens" if _ANY_CASE.search(statement) or _TOLERANCE.search(statement) else ""
