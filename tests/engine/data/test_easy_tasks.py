"""Easy tasks: the assets are the recipe's, their tests are proved and tell every task from all others."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from engine.data.check import check_problems
from engine.data.easy.check import failed_references
from engine.data.easy.tasks import HIDDEN_TESTS, PUBLIC_TESTS, make_splits
from engine.data.sets import task_file
from engine.problems import Problem, load_problems

SPLITS = ("train", "validation", "heldout")
FAMILIES = {"arithmetic", "conditions", "counting", "lists", "strings"}


@cache
def split(name: str) -> tuple[Problem, ...]:
    return tuple(load_problems(task_file("easy", name)))


def every_task() -> list[Problem]:
    return [problem for name in SPLITS for problem in split(name)]


def test_there_are_enough_of_each_kind() -> None:
    assert len(every_task()) >= 300
    assert len(split("heldout")) >= 60
    for name in ("train", "heldout"):
        assert {problem.id.split("-")[1] for problem in split(name)} == FAMILIES


def test_every_task_has_its_tests_and_its_reference() -> None:
    for problem in every_task():
        assert len(problem.hidden) == HIDDEN_TESTS
        assert len(problem.public) == PUBLIC_TESTS
        inputs = [test.input for test in (*problem.hidden, *problem.public)]
        assert len(set(inputs)) == len(inputs)
        assert len(problem.solutions) == 1


def test_ids_and_statements_are_unique() -> None:
    problems = every_task()
    assert max(Counter(problem.id for problem in problems).values()) == 1
    assert max(Counter(problem.statement for problem in problems).values()) == 1


def test_no_program_that_prints_a_constant_is_correct() -> None:
    for problem in every_task():
        assert len({test.output for test in problem.hidden}) > 1, problem.id


@pytest.mark.parametrize("evaluated", ["heldout", "validation"])
def test_no_task_of_the_training_set_is_one_of_an_evaluation(evaluated: str) -> None:
    report = check_problems(split("train"), split(evaluated), for_training=True)
    assert [str(fault) for level in ("error", "warning") for fault in report.of(level)] == []


def test_the_reference_programs_prove_the_tests() -> None:
    assert failed_references(every_task()) == []


def test_a_reference_that_fails_a_test_is_named() -> None:
    problem = split("heldout")[0]
    wrong = Problem(problem.id, problem.statement, problem.public, problem.hidden, solutions=("print('no')\n",))
    assert any(problem.id in fault for fault in failed_references([wrong]))


@pytest.mark.slow
def test_the_assets_are_what_the_recipe_makes() -> None:
    made = make_splits()  # refuses a task whose tests another task's reference passes
    assert {name: tuple(problems) for name, problems in made.items()} == {name: split(name) for name in SPLITS}
