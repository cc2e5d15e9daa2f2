"""Comparison of outputs with expected ones, on the trusted side only: expected outputs never enter a cell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from engine.sandbox.outcome import Outcome, Status

Comparison = Literal["whitespace", "tokens"]
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Judging:
    """Rule by which an execution passes a test.

    comparison        "whitespace": equal after collapsing white space (CURE); "tokens": equal as lower-cased tokens,
                      numbers to 1e-5 absolute or relative (the judge of CodeContests)
    any_exit_status   an answer followed by sys.exit(1) passes; one followed by an exception never does
    swallow_prompts   input("n? ") prints no prompt; the executor must be told as well
    """

    comparison: Comparison = "whitespace"
    any_exit_status: bool = False
    swallow_prompts: bool = False


CURE_COMPAT = Judging(any_exit_status=True, swallow_prompts=True)
"""Rule of CURE's published code, in its choices but not in its bugs (its queue deadlocks on 64 KiB of output, and it
feeds the input twice)."""

AS_A_PROCESS = Judging()


def outputs_match(expected: str, got: str, comparison: Comparison = "whitespace") -> bool:
    """Tell whether `got` is the expected output under `comparison`; see `Judging`."""
    if comparison == "whitespace":
        return expected.split() == got.split()
    expected_tokens, got_tokens = expected.lower().split(), got.lower().split()
    return len(expected_tokens) == len(got_tokens) and all(map(_tokens_match, expected_tokens, got_tokens))


def passes(outcome: Outcome, expected: str, judging: Judging = AS_A_PROCESS) -> bool:
    """Tell whether the program ended by itself and printed the expected output.

    By default only exit status 0 passes: an answer printed before an exception, a time-out or a non-zero exit does not.
    """
    ended_well = outcome.status is Status.OK or (judging.any_exit_status and _left_by_exit(outcome))
    return ended_well and outputs_match(expected, outcome.stdout, judging.comparison)


def _left_by_exit(outcome: Outcome) -> bool:
    """Tell whether a program chose a non-zero exit status itself: an exception would leave stack frames in stderr."""
    return outcome.status is Status.RUNTIME_ERROR and '  File "' not in outcome.stderr_tail


def _tokens_match(expected: str, got: str) -> bool:
    if expected == got:
        return True
    try:
        a, b = float(expected), float(got)
    except ValueError:
        return False
    return math.isclose(a, b, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
