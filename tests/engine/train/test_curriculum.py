"""Curriculum of answer length: stages by steps, or by the share of answers that are cut off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.config import RolloutConfig, at_stage, stage_count
from engine.presets import load_preset
from engine.train.curriculum import LengthStage


def rollout(*overrides: str) -> RolloutConfig:
    longest = ("rollout.max_new_tokens_coder=80", "rollout.max_new_tokens_tester=96")
    return load_preset("nano", [*longest, *overrides], Path("/none")).rollout


def limits(settings: RolloutConfig, shares: Sequence[float]) -> list[int]:
    """Return the limit of each step whose shares of cut-off answers are these."""
    stage, found = LengthStage(), []
    for share in shares:
        found.append(stage.limit(settings))
        stage = stage.after_step(settings, share)
    return found


def test_without_a_curriculum_there_is_one_stage() -> None:
    settings = rollout()
    assert stage_count(settings) == 1
    assert at_stage(settings, 0) == settings
    assert limits(settings, [1.0] * 4) == [96] * 4


def test_the_limit_rises_after_so_many_steps() -> None:
    settings = rollout("rollout.length_curriculum=[32, 64]", "rollout.length_steps=2")
    assert limits(settings, [1.0] * 6) == [32, 32, 64, 64, 96, 96]


def test_the_limit_rises_once_most_answers_end_within_it() -> None:
    settings = rollout("rollout.length_curriculum=[32]", "rollout.length_truncated=0.2")
    assert limits(settings, [0.9, 0.1, 0.9, 0.1, 0.2, 0.0]) == [32, 32, 32, 32, 96, 96]
    assert limits(settings, [0.5] * 6) == [32] * 6


def test_whichever_comes_first_raises_it() -> None:
    settings = rollout("rollout.length_curriculum=[32]", "rollout.length_steps=5", "rollout.length_truncated=0.2")
    assert limits(settings, [0.1] * 4) == [32, 32, 32, 96]
    assert limits(settings, [0.9] * 6) == [32] * 5 + [96]


@pytest.mark.parametrize("stage", [0, 1, 2, 9])
def test_a_stage_never_exceeds_a_roles_own_limit(stage: int) -> None:
    settings = rollout("rollout.length_curriculum=[32, 90]", "rollout.length_steps=1")
    staged = at_stage(settings, stage)
    assert staged.max_new_tokens_coder == [32, 80, 80, 80][min(stage, 3)]
    assert staged.max_new_tokens_tester == [32, 90, 96, 96][min(stage, 3)]
