"""Rewards of both roles, their shaping, and the advantages made of them (CURE, arXiv 2506.03136).

    coder_rewards, tester_rewards        one task's pass matrix -> one reward a sample
    length_transform                     shorter right answers above longer ones (the paper's long-CoT models)
    has_spread, group_advantages         one group's rewards -> advantages for the policy gradient

Shapes: n programs, m generated tests, t ground-truth tests, k members of one group (task x role).
Pure functions: training, evaluation and solving use the same ones.

Cells the sandbox could not judge (`known_* = False`) count neither for nor against anybody: shares are taken
over the known cells, and a sample without any known cell gets the mean of its group, which is an advantage of
exactly 0.
"""

# ruff: noqa: PT028  (a linter for pytest takes `tester_rewards` for a test)

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.reward.pass_matrix import BoolArray, FloatArray, PassMatrix
from engine.reward.testers import GeneratedTests, find_tester_reward


def coder_rewards(matrix: PassMatrix) -> FloatArray:
    """Return R_s(j) = share of the t ground-truth tests that program j passes, (n,) in [0, 1].

    The paper sums over the tests. Mean and sum differ by the factor t, which is the same for the whole group,
    so after `group_advantages` they are equal; the mean can be compared across tasks. t = 0 gives zeros: no
    signal.
    """
    known_n = matrix.known_nt.sum(axis=1)
    rewards_n: FloatArray = matrix.truth_nt.sum(axis=1) / np.maximum(known_n, 1)
    return _with_neutral(rewards_n, judged_k=known_n > 0)


def tester_rewards(matrix: PassMatrix, variant: str = "cure") -> FloatArray | None:
    """Return R_u(k) of each of the m generated tests, (m,), by a variant of `engine.reward.testers`.

    None: this group gives no signal and is skipped, as no program is known correct, m = 0, or no test has a verdict.
    ValueError on an unknown variant.
    """
    reward = find_tester_reward(variant)
    tests = GeneratedTests.of(matrix)
    if not matrix.correct_n.any() or not tests.judged_m.any():
        return None
    return _with_neutral(reward(tests), tests.judged_m) + 0.0  # turns the -0.0 of an untouched wrong test into 0.0


def length_transform(rewards_k: ArrayLike, lengths_k: ArrayLike) -> FloatArray:
    """Return length-shaped rewards of one group, (k,): among rewarded answers the shorter is better.

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
    """Return True if the (population) standard deviation of the group exceeds `epsilon`: it has a gradient."""
    rewards_k = _as_group(rewards_k, "rewards_k")
    return bool(rewards_k.size and rewards_k.std() > epsilon)


def group_advantages(rewards_k: ArrayLike, epsilon: float = 1e-6) -> FloatArray:
    """Return A = (r - mean) / std over the group, (k,), with the population standard deviation.

    `epsilon` decides whether there is a spread (`has_spread`) and is not added to the divisor, so that
    advantages have standard deviation 1 at any scale of the rewards. A group without spread gives zeros; the
    caller drops it.
    """
    rewards_k = _as_group(rewards_k, "rewards_k")
    if not has_spread(rewards_k, epsilon):
        return np.zeros_like(rewards_k)
    return np.asarray((rewards_k - rewards_k.mean()) / rewards_k.std())


def _with_neutral(rewards_k: FloatArray, judged_k: BoolArray) -> FloatArray:
    """Give samples without any verdict the mean of the others: advantage 0, and the group's mean stays."""
    if judged_k.all() or not judged_k.any():
        return rewards_k
    return np.where(judged_k, rewards_k, rewards_k[judged_k].mean())


def _as_group(values: ArrayLike, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be one-dimensional and finite, not of shape {array.shape}: {array}")
    return array
