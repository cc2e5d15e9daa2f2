"""Registry of tester rewards: the reward of each generated test, one file per variant.

    variant               right test                              wrong test                       W = 0 wrong programs
    cure                  + #wrong programs that fail it          - #wrong programs that pass it   0
    cure-code             the same divided by W                   the same divided by W            +1 right, -1 wrong
    post-stage            + W if all W fail it, else 0            - #wrong programs that pass it   0
    post-stage-published  + 1 if all W fail it, else 0            - 1 if any wrong program passes  +1 right, -1 wrong
    discriminative        + share of W, divided among the right   - share of W that pass it        +1 right, -1 wrong
                          tests that fail the same program
    validity              + 1                                     0                                +1 right, 0 wrong

Length shaping (`rewards.length_transform`) is applied afterwards and is no part of a variant.

A variant is one file with one function, GeneratedTests -> rewards, and two lines here, its import and its name; the
file's docstring is its definition. Groups without signal, malformed tests and undecided tests are handled for all
variants in `GeneratedTests` and `rewards.tester_rewards`. The setting is `reward.tester_variant`.

Where no program is correct, no variant can judge a test, unless reference programs do. The setting
`reward.without_correct` says what happens then: `skip` leaves the tester's group out, as the paper's code does;
`readable` (its file is the definition) rewards the form alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.reward.pass_matrix import FloatArray, PassMatrix
from engine.reward.testers import (
    by_validity,
    cure,
    cure_code,
    discriminative,
    post_stage,
    post_stage_published,
    readable,
)
from engine.reward.testers.generated_tests import GeneratedTests, TesterReward

__all__ = ["TESTER_REWARDS", "WITHOUT_CORRECT", "GeneratedTests", "TesterReward", "find_tester_reward"]

TESTER_REWARDS: Mapping[str, TesterReward] = {
    "cure": cure.reward,
    "cure-code": cure_code.reward,
    "post-stage": post_stage.reward,
    "post-stage-published": post_stage_published.reward,
    "discriminative": discriminative.reward,
    "validity": by_validity.reward,
}

WITHOUT_CORRECT: Mapping[str, Callable[[PassMatrix], FloatArray | None]] = {
    "skip": lambda matrix: None,
    "readable": readable.reward,
}


def find_tester_reward(variant: str) -> TesterReward:
    """Return the reward named `variant`. Raises ValueError, which lists the known names."""
    if variant not in TESTER_REWARDS:
        raise ValueError(f"unknown tester reward {variant!r}; there are {', '.join(TESTER_REWARDS)}")
    return TESTER_REWARDS[variant]
