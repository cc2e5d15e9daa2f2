"""Validity of generated tests by reference programs, for `reward.tester_supervision = "reference"`.

A test is *valid* if it is well-formed, every reference program ends well on its input and prints the same as the
others, and that equals the test's expected output. Where a reference crashes, or two disagree, the input is none that
the task allows, and the test counts as a wrong one. Where the sandbox lost a reference and nothing speaks against the
test, it stays undecided: neither valid nor wrong.

This is supervision by ground-truth code, as UTGen and UTRL train their testers. CURE's own rewards need none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.reward.pass_matrix import BoolArray, as_verdicts


@dataclass(frozen=True, eq=False)
class Validity:
    """Judgement on m generated tests: valid_m implies judged_m; a test that is judged and not valid is wrong."""

    valid_m: BoolArray
    judged_m: BoolArray

    def __post_init__(self) -> None:
        valid_m, judged_m = as_verdicts(self.valid_m, "valid_m", 1), as_verdicts(self.judged_m, "judged_m", 1)
        if valid_m.shape != judged_m.shape or (valid_m & ~judged_m).any():
            raise ValueError("a valid test is a judged one, and both arrays have one entry a test")
        object.__setattr__(self, "valid_m", valid_m)
        object.__setattr__(self, "judged_m", judged_m)


def validity(agrees_rm: Sequence[Sequence[bool | None]], malformed_m: ArrayLike) -> Validity:
    """Judge m tests by r >= 1 references.

    agrees_rm: True where the reference ended well and printed the test's expected output, False where it did not, None
    where the sandbox lost it. References that all print the expected output also agree with each other.

    Raises ValueError without a reference, or for rows that do not fit.
    """
    malformed = as_verdicts(malformed_m, "malformed_m", 1)
    if not agrees_rm or any(len(row) != len(malformed) for row in agrees_rm):
        raise ValueError(f"validity takes at least one reference, and {len(malformed)} verdicts of each")
    cells_rm = np.array(agrees_rm, dtype=object).reshape(len(agrees_rm), len(malformed))
    refuted_m = np.asarray((cells_rm == False).any(axis=0), dtype=np.bool_) | malformed  # noqa: E712  (elementwise)
    confirmed_m = np.asarray((cells_rm == True).all(axis=0), dtype=np.bool_) & ~malformed  # noqa: E712
    return Validity(confirmed_m, confirmed_m | refuted_m)


def suite_score(valid: int, unique: int, detected: float, form: float) -> float:
    """Return UTRL's score of a suite of tests (arXiv 2508.21107): 0.85 D + 0.05 valid / max(12, unique) + 0.10 form.

    valid, unique: distinct valid tests, and distinct tests. detected: share D of sampled programs that fail at least
    one valid test. form: share of the answers in the asked form. The 12 keeps a suite of two copied examples poor.
    """
    return 0.85 * detected + 0.05 * valid / max(12, unique) + 0.10 * form
