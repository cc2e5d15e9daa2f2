"""Registry of tester rewards: every name works and can be chosen, and no other."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from engine.config import RewardConfig
from engine.reward import rewards
from engine.reward.pass_matrix import PassMatrix
from engine.reward.testers import TESTER_REWARDS, find_tester_reward
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
