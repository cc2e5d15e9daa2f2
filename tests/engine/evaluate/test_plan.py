"""Tests of an evaluation's tasks and estimate, and of how it is found again."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ConfigError, DataError, NotFetched, RunError
from engine.evaluate.folder import create_evaluation, find_evaluation, find_same, find_watched
from engine.evaluate.models import find_models
from engine.evaluate.plan import choose_tasks, estimate, stratified
from engine.evaluate.request import EvalRequest, with_identity
from engine.evaluate.rows import cluster_of
from engine.machine.home import HOME_VARIABLE
from tests.engine.evaluate.given import request_for, sums


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


def test_a_limited_choice_takes_of_each_difficulty_its_share_whatever_the_order() -> None:
    problems = [
        replace(problem, difficulty=["easy", "easy", "easy", "hard"][number % 4])
        for number, problem in enumerate(sums(80))
    ]
    chosen = stratified(problems, 20, seed=0)
    assert Counter(problem.difficulty for problem in chosen) == {"easy": 15, "hard": 5}
    shuffled = random.Random(1).sample(problems, len(problems))
    assert {problem.id for problem in stratified(shuffled, 20, seed=0)} == {problem.id for problem in chosen}
    assert {problem.id for problem in stratified(problems, 20, seed=1)} != {problem.id for problem in chosen}
    for limit in range(1, 80):
        assert len(stratified(problems, limit, seed=0)) == limit


def test_the_choice_is_the_same_for_every_model_and_number_of_answers() -> None:
    one = choose_tasks(EvalRequest("preset:nano", "preset:nano", "nano", limit=30, n=2, m=2, bon=("2x2",)))
    other = choose_tasks(EvalRequest("openai:x", "openai:y", "nano", limit=30, temperature=0.1))
    assert one.problems == other.problems
    assert one.tasks == other.tasks
    assert (one.tasks.tasks, one.tasks.available) == (30, 160)


def test_records_that_cannot_be_read_are_set_aside_and_counted(tmp_path: Path) -> None:
    request = request_for(tmp_path, sums(3))
    path = tmp_path / "tasks.jsonl"
    path.write_text(path.read_text() + '{"question": 7}\n{"broken\n' + path.read_text())
    chosen = choose_tasks(request)
    assert len(chosen.problems) == 3
    assert chosen.notes[0].startswith("2 records of tasks.jsonl cannot be read")
    assert "3 tasks have no hidden test, or an id that another one has" in chosen.notes


def test_after_a_date_only_tasks_released_later_are_left(tmp_path: Path) -> None:
    dates = ["2024-01-01", "2024-06-01", "2024-06-02", ""]
    problems = [replace(problem, released=date) for problem, date in zip(sums(4), dates, strict=True)]
    chosen = choose_tasks(request_for(tmp_path, problems, after="2024-06-01"))
    assert [problem.released for problem in chosen.problems] == ["2024-06-02"]
    assert chosen.notes == ("1 tasks without a date are left out",)
    with pytest.raises(DataError, match="after 2025-01-01"):
        choose_tasks(request_for(tmp_path, problems, after="2025-01-01"))
    with pytest.raises(ConfigError, match="no date"):
        choose_tasks(request_for(tmp_path, problems, after="June"))


def test_at_most_so_many_ground_truth_tests_judge_a_program(tmp_path: Path) -> None:
    chosen = choose_tasks(request_for(tmp_path, sums(2), truth_tests=3))
    assert [len(problem.hidden) for problem in chosen.problems] == [3, 3]


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        ("livebench", NotFetched, "cure-tui data fetch livebench"),
        ("no-such-set", ConfigError, "no data set 'no-such-set'"),
        ("./nothing.jsonl", DataError, "does not exist"),
    ],
)
def test_tasks_that_are_not_here_are_named_with_the_remedy(data: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        choose_tasks(EvalRequest("preset:nano", "preset:nano", data))


def test_the_estimate_counts_answers_and_bounds_tokens() -> None:
    request = EvalRequest("preset:nano", "preset:nano", "nano", limit=10, n=4, m=2, bon=("4x2",))
    models = find_models(request, print)
    found = estimate(choose_tasks(request), request, models, before=())
    assert (found.tasks, found.answers) == (10, 60)
    assert found.most_tokens == 10 * (4 * 64 + 2 * 96)
    assert 0 < found.tokens <= found.most_tokens
    assert found.seconds > 0
    assert found.dollars == 0


def test_the_same_command_finds_its_unfinished_evaluation_and_no_other() -> None:
    request = with_identity(EvalRequest("nano", "nano", "nano", n=2, m=2, bon=("2x2",)))
    assert request.coder == "preset:nano"
    assert find_same(request) is None
    made = create_evaluation(request)
    found = find_same(request)
    assert found is not None
    assert found.name == made.name
    assert found.request == request
    assert find_same(replace(request, seed=1)) is None
    assert find_same(replace(request, identity={"the files of preset:nano": "others"})) is None
    assert find_evaluation(made.name[:12]).name == made.name
    assert find_watched(made.name).path == made.folder.path
    with pytest.raises(RunError, match="there is no evaluation 'other'"):
        find_evaluation("other")


@pytest.mark.parametrize("size", ["4", "x4", "4x", "0x4", "axb", "", "4x4x4"])
def test_a_size_of_best_of_n_that_makes_no_sense_is_refused(size: str) -> None:
    with pytest.raises(ConfigError, match="no size of best of n"):
        with_identity(EvalRequest("nano", "nano", "nano", bon=(size,)))


@pytest.mark.parametrize(
    ("source", "contest"),
    [("cf/852/A", "cf/852"), ("lcb/abc311_c", "lcb/abc311"), ("lcb/1873_A", "lcb/1873"), ("mbpp/11", ""), ("", "")],
)
def test_tasks_of_one_contest_are_one_cluster(source: str, contest: str) -> None:
    assert cluster_of(source) == contest
