"""Compares outputs with expected ones, on the trusted side only: expected outputs never enter a cell."""

from __future__ import annotations

from engine.sandbox.outcome import Outcome, Status


def outputs_match(expected: str, got: str) -> bool:
    """True when both are equal after collapsing every run of white space to one blank (the rule of CURE)."""
    return expected.split() == got.split()


def passes(outcome: Outcome, expected: str) -> bool:
    """True when the program ended by itself with exit status 0 and printed the expected output.

    An answer printed before an exception, a time-out or a non-zero exit does not pass.
    """
    return outcome.status is Status.OK and outputs_match(expected, outcome.stdout)
