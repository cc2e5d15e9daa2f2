"""Reward functions for verl, called as its documentation and its reward managers call them; verl is not installed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from engine.errors import ConfigError, DataError
from engine.problems import parse_cure_record
from engine.prompts import Role
from engine.rewarding import Rewarder, TaskAnswers
from engine.rewarding.verl_rewards import VerlRewards
from tests.engine.scripted_sampler import CODER, PROBLEM, TESTER

ANSWERS = {Role.CODER: CODER, Role.TESTER: TESTER}


def batch(rewards: VerlRewards) -> dict[str, Any]:
    """Return the arguments of verl's batch manager: numpy arrays of objects, each row once for each answer."""
    pairs = [(row, text) for row in rewards.rows([PROBLEM]) for text in ANSWERS[Role(row["extra_info"]["role"])]]
    return {
        "data_sources": np.array([row["data_source"] for row, _ in pairs], dtype=object),
        "solution_strs": [text for _, text in pairs],
        "ground_truths": [row["reward_model"]["ground_truth"] for row, _ in pairs],
        "extra_infos": np.array([row["extra_info"] for row, _ in pairs], dtype=object),
    }


def test_a_batch_has_the_rewards_of_both_roles(rewarder: Rewarder) -> None:
    rewards = VerlRewards(rewarder)
    (expected,) = rewarder.reward([TaskAnswers.read(PROBLEM, CODER, TESTER)])
    got = rewards.compute_scores(**batch(rewards))
    assert got == [*expected.coder_n.tolist(), *expected.tester_or_zeros_m.tolist()]
    assert all(type(score) is float for score in got)


def test_one_answer_of_a_coder_has_its_own_reward(rewarder: Rewarder) -> None:
    rewards = VerlRewards(rewarder)
    row = rewards.rows([PROBLEM])[0]
    of_row = (row["reward_model"]["ground_truth"], row["extra_info"])
    assert [rewards.compute_score(row["data_source"], text, *of_row) for text in CODER] == [1.0, 0.0, 0.0, 0.0]
    # newer managers pass more
    assert (
        rewards.compute_score("cure", CODER[0], *of_row, reward_router_address=None, reward_model_tokenizer=None) == 1.0
    )


def test_one_answer_of_a_tester_is_refused_with_the_remedy(rewarder: Rewarder) -> None:
    rewards = VerlRewards(rewarder)
    row = rewards.rows([PROBLEM])[1]
    with pytest.raises(ConfigError, match="reward manager `batch`"):
        rewards.compute_score("cure", TESTER[0], row["reward_model"]["ground_truth"], row["extra_info"])


def test_rows_hold_the_task_without_its_reference_and_are_plain_json(rewarder: Rewarder) -> None:
    rows = VerlRewards(rewarder).rows([PROBLEM])
    assert json.loads(json.dumps(rows)) == rows
    task = parse_cure_record(json.loads(rows[0]["reward_model"]["ground_truth"]), "row")
    assert task.hidden == PROBLEM.hidden
    assert task.solutions == ()
    assert [row["extra_info"]["role"] for row in rows] == ["coder", "tester"]


@pytest.mark.parametrize("truth", ["", "42", "[", "{}", "[" * 100_000, '{"question": "x"}'])
def test_a_foreign_row_is_refused(rewarder: Rewarder, truth: str) -> None:
    with pytest.raises(DataError):
        VerlRewards(rewarder).compute_score("cure", CODER[0], truth, {"role": "coder"})


@pytest.mark.parametrize("extra", [None, {}, {"role": "judge"}, {"role": None}])
def test_a_row_without_a_role_is_refused(rewarder: Rewarder, extra: dict[str, object] | None) -> None:
    rewards = VerlRewards(rewarder)
    truth = rewards.rows([PROBLEM])[0]["reward_model"]["ground_truth"]
    with pytest.raises(DataError, match="roles are coder and tester"):
        rewards.compute_score("cure", CODER[0], truth, extra)
