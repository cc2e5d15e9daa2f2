"""Registry of tester rewards: every name works and can be chosen, and no other."""

from __future__ import annotations

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
