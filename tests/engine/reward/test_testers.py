"""Registry of tester rewards: every name works and can be chosen, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pytest

from engine.config import RewardConfig
from engine.reward import rewards
from engine.reward.pass_matrix import PassMatrix
from engine.reward.testers import TESTER_REWARDS, WITHOUT_CORRECT, find_tester_reward
from tests.engine.reward.matrices import cells

# One correct program, two wrong ones. Tests: right and failed by both, right and passed by both, wrong, malformed.
MATRIX = PassMatrix(cells("1", "0", "0"), cells("1100", "0110", "0100"), np.array([False, False, False, True]))


@pytest.mark.parametrize("variant", TESTER_REWARDS)
def test_every_variant_pays_the_telling_test_most_and_the_malformed_one_least(variant: str) -> None:
    paid = rewards.tester_rewards(MATRIX, variant)
    assert paid is not None
    assert np.isfinite(paid).all()
    assert paid[0] == paid.max() > 0 >= paid[2] >= paid[3] == paid.min()


def test_an_unknown_variant_is_refused_and_all_names_are_said() -> None:
    with pytest.raises(ValueError, match="'cure-cod'") as refused:
        find_tester_reward("cure-cod")
    assert all(f" {name}" in str(refused.value) for name in TESTER_REWARDS)


def test_the_setting_offers_exactly_the_variants_there_are() -> None:
    assert set(get_args(RewardConfig.model_fields["tester_variant"].annotation)) == set(TESTER_REWARDS)


def test_every_way_without_a_correct_program_is_in_the_schema() -> None:
    assert set(get_args(RewardConfig.model_fields["without_correct"].annotation)) == set(WITHOUT_CORRECT)


def test_without_a_correct_program_only_the_form_is_rewarded() -> None:
    matrix = PassMatrix(np.zeros((2, 3)), np.ones((2, 3)), malformed_m=[False, True, False])
    paid = rewards.tester_rewards(matrix, "cure", "readable")
    assert paid is not None
    assert paid.tolist() == [0, -1, 0]
    assert rewards.tester_rewards(matrix, "cure", "skip") is None


@pytest.mark.parametrize("malformed", [True, False])
def test_tests_of_the_same_form_give_no_signal(malformed: bool) -> None:
    matrix = PassMatrix(np.zeros((2, 3)), np.ones((2, 3)), malformed_m=[malformed] * 3)
    assert rewards.tester_rewards(matrix, "cure", "readable") is None


@pytest.mark.parametrize("variant", TESTER_REWARDS)
def test_with_a_correct_program_both_ways_are_the_same(variant: str) -> None:
    skipped, readable = (rewards.tester_rewards(MATRIX, variant, way) for way in WITHOUT_CORRECT)
    assert skipped is not None
    assert readable is not None
    assert readable.tolist() == skipped.tolist()


def published_post_stage(matrix: PassMatrix) -> list[float]:
    """Return the published option's rewards, from its description in words, test by test."""
    wrong = np.flatnonzero(matrix.wrong_n)
    paid = []
    for test in range(matrix.n_generated):
        right = not matrix.malformed_m[test] and all(matrix.generated_nm[matrix.correct_n, test])
        passed_by = len(wrong) if matrix.malformed_m[test] else int(matrix.generated_nm[wrong, test].sum())
        if len(wrong) == 0:
            paid.append(1.0 if right else -1.0)
        elif right:
            paid.append(1.0 if passed_by == 0 else 0.0)
        else:
            paid.append(-1.0 if passed_by else 0.0)
    return paid


def random_boards(count: int, seed: int) -> Iterator[PassMatrix]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n, m, t = rng.integers(2, 9), rng.integers(1, 9), rng.integers(1, 3)
        truth = rng.random((n, t)) < 0.6
        truth[0] = True  # else there is no signal
        yield PassMatrix(truth, rng.random((n, m)) < 0.6, malformed_m=rng.random(m) < 0.15)


def test_the_published_post_stage_is_the_published_one_on_500_boards() -> None:
    for matrix in random_boards(500, seed=1):
        paid = rewards.tester_rewards(matrix, "post-stage-published")
        assert paid is not None
        assert paid.tolist() == published_post_stage(matrix)


def test_right_tests_share_the_programs_that_they_catch() -> None:
    # Wrong rows: 1 is caught by t0 and t1, 2 by t0 alone, 3 by none; t2 is wrong and passed by two of the three.
    matrix = PassMatrix(cells("1", "0", "0", "0"), cells("110", "001", "011", "110"))
    paid = rewards.tester_rewards(matrix, "discriminative")
    assert paid is not None
    assert paid.tolist() == pytest.approx([(1 / 2 + 1) / 3, (1 / 2) / 3, -2 / 3])


def test_a_copy_of_a_discriminative_test_earns_nothing_more_in_sum() -> None:
    for matrix in random_boards(200, seed=2):
        paid = rewards.tester_rewards(matrix, "discriminative")
        assert paid is not None
        if not matrix.wrong_n.any():
            continue
        caught = (~matrix.generated_nm[matrix.wrong_n][:, matrix.right_m]).any(axis=1).mean()
        assert paid[matrix.right_m].sum() == pytest.approx(caught)
        assert (paid[~matrix.right_m] <= 0).all()
