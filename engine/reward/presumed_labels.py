"""Consensus labels: programs and tests that agree are presumed right, without any label (after ZeroCoder, 2604.07864).

    presume                    pass matrix, scores of the programs -> presumed right programs X and tests Y
    presumed_matrix            the matrix with the tests Y in the place of ground truth
    consensus_tester_rewards   rewards of the tests: hold on X, and fail programs that are presumed wrong

Shapes: n programs, m generated tests, o other programs. The scores are those of B4 (`engine.solve.selectors.b4`).
The text of ZeroCoder names the parts; thresholds and schedule are ours.

The filters come from a measurement on 120 boards of nano: of the programs presumed right, 66 % were right over all
boards, 44 % where the matrix has rank 3 or more, 75 % where X is at least half of the rows. A high rank alone, by which
ZeroCoder chooses its tasks, picks the least reliable labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.reward.pass_matrix import BoolArray, FloatArray, IntArray, PassMatrix
from engine.reward.rewards import with_neutral

FEWEST_SHARE = 0.25
"""Share of the n programs that X needs at least."""
FEWEST_RANK = 2
"""Rank of the verdicts below which all programs, or all tests, say the same."""
MOST_DISCRIMINATION = 0.8
"""Weight of catching presumed wrong programs from the middle of the run on; the rest goes to holding on X."""
_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Presumed:
    """Programs X (members_n) and tests Y (tests_m) presumed right. proxy: the first of X, which stands for a reference.

    doubt: why the labels are not used, "" if they are. others_n: programs presumed wrong, which fail a test of Y.
    """

    members_n: BoolArray
    tests_m: BoolArray
    others_n: BoolArray
    proxy: int | None
    doubt: str = ""

    @property
    def share(self) -> float:
        """|X| / n."""
        return float(self.members_n.mean()) if self.members_n.size else 0.0


def presume(matrix: PassMatrix, scores_n: FloatArray, outputs_n: IntArray) -> Presumed:
    """Presume the programs with the best score right, X, and the tests that all of X pass, Y.

    scores_n: NaN for an answer without a program. outputs_n: equal numbers for programs that print the same on every
    input. The labels are doubtful, and teach nothing, where X is a single program, all n, or less than n / 4; where Y
    is empty; where every program prints what one of X prints; and where the verdicts have rank 1.
    """
    n = matrix.n_programs
    members_n = np.zeros(n, dtype=np.bool_)
    if n and not np.isnan(scores_n).all():
        best = float(np.nanmax(scores_n))
        members_n = np.asarray(scores_n >= best - _TOLERANCE * max(1.0, abs(best)))
    tests_m = _held_by_all(matrix, members_n)
    others_n = ~members_n & ~matrix.rejected_n & (matrix.known_nm & ~matrix.generated_nm)[:, tests_m].any(axis=1)
    proxy = int(members_n.argmax()) if members_n.any() else None
    return Presumed(members_n, tests_m, others_n, proxy, _doubt(matrix, members_n, tests_m, outputs_n))


def _held_by_all(matrix: PassMatrix, members_n: BoolArray) -> BoolArray:
    """Return the tests that every member with a verdict passes, and one member at least, (m,)."""
    passes_xm, known_xm = matrix.generated_nm[members_n], matrix.known_nm[members_n]
    return np.asarray(passes_xm.any(axis=0) & ~(known_xm & ~passes_xm).any(axis=0), dtype=np.bool_)


def _doubt(matrix: PassMatrix, members_n: BoolArray, tests_m: BoolArray, outputs_n: IntArray) -> str:
    n, size = matrix.n_programs, int(members_n.sum())
    if size < 2:
        return "no two programs agree"
    if size == n:
        return "all programs agree"
    if not tests_m.any():
        return "the programs that agree pass no test"
    if np.isin(outputs_n[~matrix.rejected_n], outputs_n[members_n]).all():
        return "all programs print the same"
    if size < FEWEST_SHARE * n:
        return "too few programs agree"
    if int(np.linalg.matrix_rank(matrix.generated_nm.astype(np.float64))) < FEWEST_RANK:
        return "the tests do not tell the programs apart"
    return ""


def presumed_matrix(matrix: PassMatrix, presumed: Presumed) -> PassMatrix:
    """Return the matrix with the verdicts on Y in the place of ground truth; without any if the labels are in doubt.

    Its `coder_rewards` are the shares of Y that each program passes. Membership in X would be a poorer reward: a
    program that passes Y and one test more would get nothing.
    """
    tests_m = presumed.tests_m if not presumed.doubt else np.zeros_like(presumed.tests_m)
    return PassMatrix(
        truth_nt=matrix.generated_nm[:, tests_m],
        generated_nm=matrix.generated_nm,
        malformed_m=matrix.malformed_m,
        rejected_n=matrix.rejected_n,
        known_nt=matrix.known_nm[:, tests_m],
        known_nm=matrix.known_nm,
    )


def discrimination_weight(step: int, steps: int) -> float:
    """Return lambda of a step (from 1) of a run of `steps`: from 0 up to MOST_DISCRIMINATION in its first half."""
    return MOST_DISCRIMINATION * min(1.0, (step - 1) / max(1.0, steps / 2))


def consensus_tester_rewards(
    matrix: PassMatrix, presumed: Presumed, fails_om: BoolArray, known_om: BoolArray, weight: float
) -> FloatArray | None:
    """Return the rewards of the m generated tests, (m,); None if the labels are in doubt.

    -1 for a malformed test; - V for one that the proxy fails, V the share of X that fails it; else
    weight * D + (1 - weight), D the share of the o other programs that fail it. fails_om, known_om: verdicts of the
    others, programs presumed wrong or mutants of the proxy; D = 0 where there are none. A test without a verdict of the
    proxy gets the mean of the others.
    """
    if presumed.doubt or presumed.proxy is None:
        return None
    fails_nm = matrix.known_nm & ~matrix.generated_nm
    known_x = np.maximum(matrix.known_nm[presumed.members_n].sum(axis=0), 1)
    refused_m = fails_nm[presumed.members_n].sum(axis=0) / known_x
    discrimination_m = (fails_om & known_om).sum(axis=0) / np.maximum(known_om.sum(axis=0), 1)
    held_m = weight * discrimination_m + (1.0 - weight)
    rewards_m: FloatArray = np.where(fails_nm[presumed.proxy], -refused_m, held_m)
    judged_m = matrix.known_nm[presumed.proxy] | matrix.malformed_m
    if not judged_m.any():
        return None
    return with_neutral(np.where(matrix.malformed_m, -1.0, rewards_m), judged_m)
