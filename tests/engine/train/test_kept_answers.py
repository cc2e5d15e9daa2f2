"""Answers of an evaluation that was broken off: found again by all they depend on, whatever a kill has torn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.prompts import Role
from engine.rollouts.known import Group
from engine.runs.files import EVALUATION_FILE
from engine.sampling import Completion, SamplingParams
from engine.train.kept_answers import KeptAnswers, forget_answers

GROUP = Group("task/1", Role.CODER, (1, 2, 3), 4, SamplingParams(0.8, 1.0, 64), seed=7)
ANSWER = Completion("0/coder", 2, (5, 6, 7), (-0.1, -0.2, -0.3), True, 'print("é\u2028")\n')


def keep(folder: Path, *indices: int) -> None:
    with KeptAnswers(folder, ["weights"]) as kept:
        for index in indices:
            kept.keep(GROUP, replace(ANSWER, index=index))


def test_an_answer_is_found_again_without_its_log_probs(tmp_path: Path) -> None:
    keep(tmp_path, 2)
    with KeptAnswers(tmp_path, ["weights"]) as kept:
        (found,) = kept.of(GROUP).values()
        assert kept.count(GROUP) == 1
    assert found == replace(ANSWER, request_id="", logprobs=())


@pytest.mark.parametrize(
    "other",
    [
        replace(GROUP, task="task/2"), replace(GROUP, role=Role.TESTER), replace(GROUP, prompt_ids=(1, 2)),
        replace(GROUP, params=SamplingParams(0.9, 1.0, 64)), replace(GROUP, params=SamplingParams(0.8, 1.0, 65)),
        replace(GROUP, seed=8),
    ],
)  # fmt: skip
def test_an_answer_of_anything_else_is_not_taken_for_it(tmp_path: Path, other: Group) -> None:
    keep(tmp_path, 2)
    with KeptAnswers(tmp_path, ["weights"]) as kept:
        assert kept.of(other) == {}
        assert kept.count(other) == 0
    with KeptAnswers(tmp_path, ["other weights"]) as kept:
        assert kept.of(GROUP) == {}


def test_a_smaller_group_takes_only_its_own(tmp_path: Path) -> None:
    keep(tmp_path, 0, 3)
    with KeptAnswers(tmp_path, ["weights"]) as kept:
        assert list(kept.of(replace(GROUP, count=2))) == [0]


def test_a_torn_line_is_cut_off_and_what_follows_is_kept(tmp_path: Path) -> None:
    keep(tmp_path, 0, 1)
    file = tmp_path / EVALUATION_FILE
    whole = file.read_bytes()
    for cut in (1, 20, len(whole.splitlines()[1])):
        file.write_bytes(whole[:-cut])
        keep(tmp_path, 2)
        with KeptAnswers(tmp_path, ["weights"]) as kept:
            assert sorted(kept.of(GROUP)) == [0, 2]


@pytest.mark.parametrize("damage", [b'"text":7', b'"text":null', b'"nothing":""', b'"text":"'])
def test_a_corrupt_answer_is_sampled_again(tmp_path: Path, damage: bytes) -> None:
    keep(tmp_path, 0, 1)
    file = tmp_path / EVALUATION_FILE
    first, second = file.read_bytes().splitlines(keepends=True)
    head, _, _ = first.partition(b'"text":')
    file.write_bytes(head + damage + b"\n" + second)
    with KeptAnswers(tmp_path, ["weights"]) as kept:
        assert list(kept.of(GROUP)) == [1]


def test_answers_are_forgotten_once_they_are_not_needed(tmp_path: Path) -> None:
    keep(tmp_path, 0)
    forget_answers(tmp_path)
    forget_answers(tmp_path)
    with KeptAnswers(tmp_path, ["weights"]) as kept:
        assert kept.of(GROUP) == {}
