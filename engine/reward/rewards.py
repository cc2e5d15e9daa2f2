"""Rewards of both roles, their length shaping, and group advantages (CURE, arXiv 2506.03136).

    coder_rewards, tester_rewards        pass matrix of one task -> one reward per sample
    length_transform                     rewards that prefer short answers (the paper's long-CoT models)
    has_spread, group_advantages         rewards of one group -> advantages for the policy gradient

Shapes: n programs, m generated tests, t ground-truth tests, k members of one group (task x role).

A cell without a verdict (`known_* = False`: the sandbox failed) counts neither for nor against a sample: shares are
taken over the known cells, and a sample without a known cell gets the mean of its group, an advantage of exactly 0.
"""

# ruff: noqa: PT028  (the pytest rules mistake `tester_rewards` for a test)

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.reward.pass_matrix import BoolArray, FloatArray, PassMatrix
from engine.reward.testers import WITHOUT_CORRECT, GeneratedTests, find_tester_reward
from engine.reward.validity import Validity


def coder_rewards(matrix: PassMatrix) -> FloatArray:
    """Return R_s(j) = (1/t) sum_i truth_nt[j, i], the share of ground-truth tests that program j passes, (n,).

    The paper takes the sum. Mean and sum differ by the factor t, which is the same for the whole group, so
    `group_advantages` makes them equal; the mean can be compared across tasks. t = 0 gives zeros: no signal.
    """
    known_n = matrix.known_nt.sum(axis=1)
    rewards_n: FloatArray = matrix.truth_nt.sum(axis=1) / np.maximum(known_n, 1)
    return with_neutral(rewards_n, judged_k=known_n > 0)


def tester_rewards(
    matrix: PassMatrix, variant: str = "cure", without_correct: str = "skip", validity: Validity | None = None
) -> FloatArray | None:
    """Return R_u(k) of each of the m generated tests, (m,), by a variant of `engine.reward.testers`.

    The variant "cure" is the paper's equation: + #{wrong programs that fail k} where every correct program passes k,
    else - #{wrong programs that pass k}. `without_correct` decides on a task without a program known correct. validity:
    judgement of the tests by reference programs, which takes the place of that by correct ones and needs none; wrong
    programs are those of the ground-truth tests all the same.
    Return None where the group has no signal: m = 0, no test has a verdict, or no program is correct and the tests
    are not told apart either. Raises ValueError for an unknown variant.
    """
    reward = find_tester_reward(variant)
    tests = GeneratedTests.of(matrix, validity)
    # Only a correct program can tell a right test from a wrong one. Without one, "every correct program passes k" holds
    # for every k, and the tester would be paid for tests that fail all programs.
    if validity is None and not matrix.correct_n.any():
        return WITHOUT_CORRECT[without_correct](matrix)
    if not tests.judged_m.any():
        return None
    return with_neutral(reward(tests), tests.judged_m) + 0.0  # turns the -0.0 of an untouched wrong test into 0.0


def length_transform(rewards_k: ArrayLike, lengths_k: ArrayLike) -> FloatArray:
    """Return length-shaped rewards of one group, (k,): among rewarded answers, shorter ones get more.

    With T the median and l_max the maximum of the lengths (tokens) of the answers whose reward is positive:
        r' = T - l      for answers with a positive reward
        r' = T - l_max  for the others
    Then every r' > 0 is multiplied by sum |r' < 0| / sum (r' > 0), which makes the mean 0, and all are
    divided by their (population) standard deviation.

    Caveat: the paper says that signs are kept, but a positive answer longer than T turns negative, and one as
    long as l_max falls to the level of the answers without a reward.

    Degenerate groups come back unchanged, because zeros would erase the difference between right and wrong: no positive
    answer, only one, or all equally long (r' is undefined or 0 everywhere); or r' on one side of 0 only, as with
    lengths 1, 2, 2, where the balance would be 0 or infinite. Raises ValueError for unequal numbers of rewards and
    lengths.
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
    """Return True if the group has a gradient: the population standard deviation of its rewards exceeds `epsilon`."""
    rewards_k = _as_group(rewards_k, "rewards_k")
    return bool(rewards_k.size and rewards_k.std() > epsilon)


def group_advantages(rewards_k: ArrayLike, epsilon: float = 1e-6) -> FloatArray:
    """Return A = (r - mean(r)) / std(r) of one group, (k,), with the population standard deviation (GRPO).

    `epsilon` decides whether there is a spread (`has_spread`) and is not added to the divisor, so that
    advantages have standard deviation 1 at any scale of the rewards. A group without spread gets zeros; the caller
    drops it.
    """
    rewards_k = _as_group(rewards_k, "rewards_k")
    if not has_spread(rewards_k, epsilon):
        return np.zeros_like(rewards_k)
    return np.asarray((rewards_k - rewards_k.mean()) / rewards_k.std())


def with_neutral(rewards_k: FloatArray, judged_k: BoolArray) -> FloatArray:
    """Give samples without a verdict the mean of the others: advantage 0, and the group's mean is unchanged."""
    if judged_k.all() or not judged_k.any():
        return rewards_k
    return np.where(judged_k, rewards_k, rewards_k[judged_k].mean())


def _as_group(values: ArrayLike, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be one-dimensional and finite, not of shape {array.shape}: {array}")
    return array
