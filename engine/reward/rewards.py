"""What a verdict is worth: rewards of both roles, their shaping, and how far the tester can be trusted.

    coder_rewards, tester_rewards        one task's pass matrix -> one reward a sample (arXiv 2506.03136)
    length_transform                     shorter right answers above longer ones (the paper's long-CoT models)
    has_spread, group_advantages         one group's rewards -> advantages for the policy gradient
    trust, matrix_trust, aggregate_trust p_u, p_01, p_00, mu of Theorem 3.1, and the measured precision

Shapes: n programs, m generated tests, t ground-truth tests, k members of one group (task x role).
Pure functions of numpy arrays: training, evaluation and solving use the same ones.

Cells the sandbox could not judge (`known_* = False`) count neither for nor against anybody: shares are taken
over the known cells, and a sample without any known cell gets the mean of its group, which is an advantage of
exactly 0.
"""

# ruff: noqa: PT028  (a linter for pytest takes `tester_rewards` for a test)

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.reward.pass_matrix import BoolArray, PassMatrix, as_verdicts

FloatArray = NDArray[np.float64]
TesterVariant = Literal["cure", "cure-code", "post-stage"]
TESTER_VARIANTS: tuple[TesterVariant, ...] = get_args(TesterVariant)


def coder_rewards(truth_nt: ArrayLike, known_nt: ArrayLike | None = None) -> FloatArray:
    """R_s(j) = share of the t ground-truth tests that program j passes, (n,) in [0, 1].

    The paper sums over the tests. Mean and sum differ by the factor t, which is the same for the whole group,
    so after `group_advantages` they are equal; the mean can be compared across tasks. t = 0 gives zeros: no
    signal.
    """
    truth_nt = as_verdicts(truth_nt, "truth_nt", 2)
    known_nt = _mask_like(known_nt, truth_nt, "known_nt")
    known_n = known_nt.sum(axis=1)
    rewards_n: FloatArray = (truth_nt & known_nt).sum(axis=1) / np.maximum(known_n, 1)
    return _with_neutral(rewards_n, judged_k=known_n > 0)


def tester_rewards(
    generated_nm: ArrayLike,
    correct_n: ArrayLike,
    variant: TesterVariant | str = "cure",
    malformed_m: ArrayLike | None = None,
    *,
    wrong_n: ArrayLike | None = None,
    known_nm: ArrayLike | None = None,
) -> FloatArray | None:
    """R_u(k) of each of the m generated tests, (m,), or None: this group gives no signal and is skipped.

    A test is right if every correct program passes it. With W wrong programs:

    variant       right test                          wrong test                         W = 0
    cure          + #wrong programs that fail it      - #wrong programs that pass it     0
    cure-code     the same divided by W               the same divided by W              +1 right, -1 wrong
    post-stage    + W if all W fail it, else 0        - #wrong programs that pass it     0

    `cure` is the paper's equation with the product taken over the correct programs; `cure-code` is what its
    published code does; `post-stage` is the code's option for late training: discrimination pays only when
    complete, while any wrong program that a wrong test lets through still costs.

    A malformed test is rewarded as the worst test possible, a wrong one that every wrong program passes: -W,
    or -1 in `cure-code`. That is never above another reward of the group; left alone, its empty column would
    earn 0.

    None: no program is known correct, m = 0, or no test has a verdict. `wrong_n` defaults to all programs
    that are not correct; with unknown cells pass `PassMatrix.wrong_n`. ValueError on an unknown variant or
    shapes that do not fit.
    """
    if variant not in TESTER_VARIANTS:
        raise ValueError(f"unknown tester reward {variant!r}; there are {', '.join(TESTER_VARIANTS)}")
    judged = _Judgement.of(generated_nm, correct_n, malformed_m, wrong_n, known_nm)
    if judged is None:
        return None
    n_wrong, right_m = judged.n_wrong, judged.right_m
    # with every cell known, these are exactly the counts; otherwise the counts the known share stands for
    passing_m = n_wrong * judged.wrong_passing_m / np.maximum(judged.wrong_known_m, 1)
    failing_m = n_wrong * judged.wrong_failing_m / np.maximum(judged.wrong_known_m, 1)
    worst = float(-n_wrong)
    if variant == "post-stage":
        failing_m = np.where(judged.wrong_passing_m == 0, failing_m, 0.0)
    rewards_m: FloatArray = np.where(right_m, failing_m, -passing_m)
    if variant == "cure-code":
        rewards_m = rewards_m / n_wrong if n_wrong else np.where(right_m, 1.0, -1.0)
        worst = -1.0
    rewards_m[judged.malformed_m] = worst
    judged_m = judged.judged_m & ((judged.wrong_known_m > 0) | (n_wrong == 0))
    if not judged_m.any():
        return None
    return _with_neutral(rewards_m, judged_m) + 0.0  # turns the -0.0 of an untouched wrong test into 0.0


def length_transform(rewards_k: ArrayLike, lengths_k: ArrayLike) -> FloatArray:
    """Length-shaped rewards of one group, (k,): among rewarded answers the shorter is better.

    With T the median and l_max the maximum of the lengths (tokens) of the answers whose reward is positive:
        r' = T - l      for answers with a positive reward
        r' = T - l_max  for the others
    Then every r' > 0 is multiplied by sum |r' < 0| / sum (r' > 0), which makes the mean 0, and all are
    divided by their (population) standard deviation.

    Caveat: the paper says that signs are kept, but a positive answer longer than T turns negative, and one as
    long as l_max falls to the level of the answers that were not rewarded at all.

    Degenerate groups come back unchanged, since zeros would silence right against wrong: no positive answer,
    only one, or all equally long (r' is undefined or 0 everywhere); or r' on one side of 0 only, as with
    lengths 1, 2, 2, where the balance would be 0 or infinite.
    """
    rewards_k = _as_group(rewards_k, "rewards_k")
    lengths_k = _as_group(lengths_k, "lengths_k")
    if rewards_k.shape != lengths_k.shape:
        raise ValueError(f"{rewards_k.size} rewards but {lengths_k.size} lengths")
    positive_k = rewards_k > 0
    if not positive_k.any() or np.ptp(lengths_k[positive_k]) == 0:
        return rewards_k.copy()
    threshold = np.median(lengths_k[positive_k])
    longest = lengths_k[positive_k].max()
    shaped_k: FloatArray = threshold - np.where(positive_k, lengths_k, longest)
    gains, losses = shaped_k[shaped_k > 0].sum(), -shaped_k[shaped_k < 0].sum()
    if gains == 0 or losses == 0:
        return rewards_k.copy()
    shaped_k = np.where(shaped_k > 0, shaped_k * (losses / gains), shaped_k)
    return np.asarray(shaped_k / shaped_k.std())


def has_spread(rewards_k: ArrayLike, epsilon: float = 1e-6) -> bool:
    """Whether the group says anything: its (population) standard deviation exceeds `epsilon`."""
    rewards_k = _as_group(rewards_k, "rewards_k")
    return bool(rewards_k.size and rewards_k.std() > epsilon)


def group_advantages(rewards_k: ArrayLike, epsilon: float = 1e-6) -> FloatArray:
    """A = (r - mean) / std over the group, (k,), with the population standard deviation.

    `epsilon` decides whether there is a spread (`has_spread`) and is not added to the divisor, so that
    advantages have standard deviation 1 at any scale of the rewards. A group without spread gives zeros; the
    caller drops it.
    """
    rewards_k = _as_group(rewards_k, "rewards_k")
    if not has_spread(rewards_k, epsilon):
        return np.zeros_like(rewards_k)
    return np.asarray((rewards_k - rewards_k.mean()) / rewards_k.std())


@dataclass(frozen=True)
class Trust:
    """How far generated tests can judge programs: counts of one task or of many; ratios are read off.

    Only groups with a correct program and a test are counted. A malformed test is a wrong test that nobody
    passes. A ratio is None where its denominator is 0.
    """

    n_groups: int = 0  # tasks with at least one correct program and one judged test
    n_tests: int = 0  # generated tests that could be judged
    n_right: int = 0  # of these, passed by all correct programs
    wrong_on_right: int = 0  # (wrong program, right test) cells
    wrong_passes_right: int = 0
    wrong_on_wrong: int = 0  # (wrong program, wrong test) cells
    wrong_passes_wrong: int = 0
    n_pairs: int = 0  # (correct, wrong) pairs of programs of one task
    pair_wins: float = 0.0  # pairs in which the correct one has more votes; a tie is half a win

    @property
    def p_u(self) -> float | None:
        """P(a generated test is right)."""
        return _ratio(self.n_right, self.n_tests)

    @property
    def p_01(self) -> float | None:
        """P(a wrong program passes a right test)."""
        return _ratio(self.wrong_passes_right, self.wrong_on_right)

    @property
    def p_00(self) -> float | None:
        """P(a wrong program passes a wrong test)."""
        return _ratio(self.wrong_passes_wrong, self.wrong_on_wrong)

    @property
    def mu(self) -> float | None:
        """mu = p_u (1 - p_01) - (1 - p_u) p_00: expected lead of a correct over a wrong program, per test.

        None without any wrong program. A term whose weight is 0 (p_u = 0 or 1) needs no p_01 or p_00.
        """
        p_u, p_01, p_00 = self.p_u, self.p_01, self.p_00
        if p_u is None or (p_u > 0 and p_01 is None) or (p_u < 1 and p_00 is None):
            return None
        return p_u * (1 - (p_01 or 0.0)) - (1 - p_u) * (p_00 or 0.0)

    @property
    def bound(self) -> float | None:
        """Theorem 3.1: a correct program outscores a wrong one with probability >= 1 - exp(-mu^2 m / 8).

        It promises nothing (0) unless mu > 0. m = judged tests a group, the mean where groups were added up.
        """
        mu = self.mu
        if mu is None:
            return None
        if mu <= 0:
            return 0.0
        return max(0.0, 1.0 - math.exp(-(mu**2) * (self.n_tests / self.n_groups) / 8.0))

    @property
    def precision(self) -> float | None:
        """Measured reward precision: share of (correct, wrong) pairs whose correct program has more votes.

        A tie counts half, so tossing a coin achieves 0.5. `bound` is its theory.
        """
        return _ratio(self.pair_wins, self.n_pairs)


def trust(
    generated_nm: ArrayLike,
    correct_n: ArrayLike,
    malformed_m: ArrayLike | None = None,
    *,
    wrong_n: ArrayLike | None = None,
    known_nm: ArrayLike | None = None,
) -> Trust:
    """The trust counts of one task; arguments as of `tester_rewards`.

    Without a correct program or a judged test: `Trust()`, whose ratios are all None.
    """
    judged = _Judgement.of(generated_nm, correct_n, malformed_m, wrong_n, known_nm)
    if judged is None or not judged.judged_m.any():
        return Trust()
    right_m, wrong_m = judged.right_m & judged.judged_m, ~judged.right_m & judged.judged_m
    # votes_nn[i, j]: tests program i passes among those on which program j has a verdict as well
    votes_nn = judged.passes_nm.astype(np.int64) @ judged.known_nm.astype(np.int64).T
    lead_nn = votes_nn - votes_nn.T
    lead_of_pairs = lead_nn[np.ix_(judged.correct_n, judged.wrong_n)]
    return Trust(
        n_groups=1,
        n_tests=int(judged.judged_m.sum()),
        n_right=int(right_m.sum()),
        wrong_on_right=int(judged.wrong_known_m[right_m].sum()),
        wrong_passes_right=int(judged.wrong_passing_m[right_m].sum()),
        wrong_on_wrong=int(judged.wrong_known_m[wrong_m].sum()),
        wrong_passes_wrong=int(judged.wrong_passing_m[wrong_m].sum()),
        n_pairs=int(lead_of_pairs.size),
        pair_wins=float((lead_of_pairs > 0).sum() + 0.5 * (lead_of_pairs == 0).sum()),
    )


def matrix_trust(matrix: PassMatrix) -> Trust:
    """`trust` of everything that one task's matrix knows."""
    return trust(
        matrix.generated_nm, matrix.correct_n, matrix.malformed_m, wrong_n=matrix.wrong_n, known_nm=matrix.known_nm
    )


def aggregate_trust(parts: Iterable[Trust]) -> Trust:
    """Trust of many tasks: counts are added, so ratios weigh tests, cells and pairs alike, not tasks."""
    parts = tuple(parts)
    return Trust(**{one.name: sum(getattr(part, one.name) for part in parts) for one in fields(Trust)})


@dataclass(frozen=True, eq=False)
class _Judgement:
    """One task's generated tests seen by its correct and wrong programs; unknown cells are taken out."""

    passes_nm: BoolArray
    known_nm: BoolArray
    correct_n: BoolArray
    wrong_n: BoolArray
    malformed_m: BoolArray
    right_m: BoolArray  # well-formed and passed by all correct programs that have a verdict on it
    judged_m: BoolArray  # some correct program has a verdict on it, or it is malformed
    wrong_known_m: NDArray[np.int64]  # wrong programs with a verdict on the test
    wrong_passing_m: NDArray[np.int64]

    @property
    def n_wrong(self) -> int:
        return int(self.wrong_n.sum())

    @property
    def wrong_failing_m(self) -> NDArray[np.int64]:
        return self.wrong_known_m - self.wrong_passing_m

    @staticmethod
    def of(
        generated_nm: ArrayLike,
        correct_n: ArrayLike,
        malformed_m: ArrayLike | None,
        wrong_n: ArrayLike | None,
        known_nm: ArrayLike | None,
    ) -> _Judgement | None:
        """None where no program is known correct or there is no test."""
        passes_nm = as_verdicts(generated_nm, "generated_nm", 2)
        n, m = passes_nm.shape
        correct_n = _vector(correct_n, n, "correct_n")
        wrong_n = ~correct_n if wrong_n is None else _vector(wrong_n, n, "wrong_n")
        if (correct_n & wrong_n).any():
            raise ValueError("a program cannot be both in correct_n and in wrong_n")
        malformed_m = _vector(np.zeros(m, np.bool_) if malformed_m is None else malformed_m, m, "malformed_m")
        known_nm = _mask_like(known_nm, passes_nm, "known_nm") | malformed_m
        passes_nm &= known_nm & ~malformed_m
        if m == 0 or not correct_n.any():
            return None
        return _Judgement(
            passes_nm=passes_nm,
            known_nm=known_nm,
            correct_n=correct_n,
            wrong_n=wrong_n,
            malformed_m=malformed_m,
            right_m=(passes_nm | ~known_nm)[correct_n].all(axis=0) & ~malformed_m,
            judged_m=np.asarray(known_nm[correct_n].any(axis=0)),
            wrong_known_m=known_nm[wrong_n].sum(axis=0, dtype=np.int64),
            wrong_passing_m=passes_nm[wrong_n].sum(axis=0, dtype=np.int64),
        )


def _with_neutral(rewards_k: FloatArray, judged_k: BoolArray) -> FloatArray:
    """Samples nothing is known of get the mean of the others: advantage 0, and the group's mean stays."""
    if judged_k.all() or not judged_k.any():
        return rewards_k
    return np.where(judged_k, rewards_k, rewards_k[judged_k].mean())


def _ratio(count: float, total: int) -> float | None:
    return count / total if total else None


def _vector(values: ArrayLike, size: int, name: str) -> BoolArray:
    vector = as_verdicts(values, name, 1)
    if vector.size != size:
        raise ValueError(f"{name} must have {size} entries, not {vector.size}")
    return vector


def _mask_like(mask: ArrayLike | None, like: BoolArray, name: str) -> BoolArray:
    if mask is None:
        return np.ones_like(like)
    array = as_verdicts(mask, name, like.ndim)
    if array.shape != like.shape:
        raise ValueError(f"{name} must have shape {like.shape}, not {array.shape}")
    return array


def _as_group(values: ArrayLike, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be one-dimensional and finite, not of shape {array.shape}: {array}")
    return array
