"""Comparison of outputs with expected ones, on the trusted side only: expected outputs never enter a program's cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.sandbox.comparisons import COMPARISONS
from engine.sandbox.outcome import Outcome, Status


@dataclass(frozen=True, slots=True)
class Judging:
    """Rule by which an execution passes a test.

    comparison        name of one of `engine.sandbox.comparisons`; README.md shows their verdicts
    any_exit_status   an answer followed by sys.exit(1) passes; one followed by an exception never does
    swallow_prompts   input("n? ") prints no prompt; the executor must be told as well
    """

    comparison: str = "whitespace"
    any_exit_status: bool = False
    swallow_prompts: bool = False

    def for_task(self, comparison: str) -> Judging:
        """Return the same rule with a task's own comparison; "" leaves it as it is."""
        return replace(self, comparison=comparison) if comparison else self


CURE_COMPAT = Judging(any_exit_status=True, swallow_prompts=True)
"""Rule of CURE's published code, in its choices but not in its bugs (its queue deadlocks on 64 KiB of output, and it
feeds the input twice)."""

AS_A_PROCESS = Judging()

PROFILES: Mapping[str, Judging] = {"process": AS_A_PROCESS, "cure-compat": CURE_COMPAT}


def judging_of(profile: str, comparison: str) -> Judging:
    """Return the judging of `profile`, one of PROFILES, with a comparison of COMPARISONS."""
    return replace(PROFILES[profile], comparison=comparison)


def outputs_match(expected: str, got: str, comparison: str = "whitespace") -> bool:
    """Return whether `got` is the expected output under `comparison`; see `Judging`."""
    return COMPARISONS[comparison](expected, got)


def passes(outcome: Outcome, expected: str, judging: Judging = AS_A_PROCESS) -> bool:
    """Tell whether the program ended by itself and printed the expected output.

    By default only exit status 0 passes: an answer printed before an exception, a time-out or a non-zero exit does not.
    """
    ended_well = outcome.status is Status.OK or (judging.any_exit_status and _left_by_exit(outcome))
    return ended_well and outputs_match(expected, outcome.stdout, judging.comparison)


def verdict(outcome: Outcome, expected: str, judging: Judging = AS_A_PROCESS) -> bool | None:
    """Judge an outcome by the expected output; None where the sandbox failed, which says nothing of the program."""
    return None if outcome.status is Status.INFRASTRUCTURE else passes(outcome, expected, judging)


def _left_by_exit(outcome: Outcome) -> bool:
    """Tell whether a program chose a non-zero exit status itself: an exception would leave stack frames in stderr."""
    return outcome.status is Status.RUNTIME_ERROR and '  File "' not in outcome.stderr_tail
