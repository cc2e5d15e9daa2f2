"""Tests of the checks of data: faults of tests, evaluation sets in training, overlap, splits by a hash."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from engine.data.check import check_problems, contradicts_itself
from engine.data.overlap import find_overlaps
from engine.data.splits import cut
from engine.errors import DataError
from engine.problems import IOExample, Problem, load_problems


def problem(name: str, *tests: tuple[str, str], statement: str = "", **fields: str) -> Problem:
    hidden = tuple(IOExample(*test) for test in tests or (("1\n", "1\n"), ("2\n", "2\n"), ("3\n", "3\n")))
    return replace(Problem(name, statement or f"Statement of {name}.", (), hidden), **fields)


def faults(*problems: Problem, **options: object) -> dict[str, tuple[str, tuple[str, ...]]]:
    found = check_problems(problems, **options).findings  # type: ignore[arg-type]
    return {each.kind: (each.severity, each.ids) for each in found}


GOOD = problem("good")


def test_good_tasks_have_no_fault() -> None:
    report = check_problems([GOOD, problem("other")])
    assert report.findings == ()
    assert report.is_clean


def test_one_input_with_two_outputs_is_a_contradiction() -> None:
    bad = problem("bad", ("1\n", "1\n"), ("2\n", "2\n"), ("1\n", "7\n"))
    assert faults(GOOD, bad)["contradiction"] == ("warning", ("bad",))
    shown = replace(problem("bad", ("1\n", "1\n")), public=(IOExample("1\n", "7\n"),))
    assert contradicts_itself(shown), "an example of the statement counts, too"
    assert not contradicts_itself(problem("same", ("1\n", "1 2\n"), ("1\n", "1  2 \n"))), "blanks are no contradiction"
    assert contradicts_itself(problem("lines", ("1\n", "1 2\n"), ("1\n", "1  2\n"), compare="exact-lines"))


def test_tasks_that_expect_nothing_are_found_and_those_with_one_blank_output_are_not() -> None:
    blank = problem("blank", ("1\n", ""), ("2\n", " \n"), ("3\n", "\n"))
    some = problem("some", ("1\n", ""), ("2\n", "2\n"), ("3\n", "3\n"))
    assert faults(GOOD, blank, some)["blank"] == ("warning", ("blank",))


def test_a_fault_of_all_tasks_is_an_error() -> None:
    blank = problem("blank", ("1\n", ""), ("2\n", ""), ("3\n", ""))
    assert faults(blank)["blank"] == ("error", ("blank",))
    assert not check_problems([blank]).is_clean


def test_constant_answers_few_tests_and_shown_tests_are_noted() -> None:
    constant = problem("constant", ("1\n", "YES\n"), ("2\n", "YES\n"), ("3\n", "YES \n"))
    few = problem("few", ("1\n", "1\n"), ("2\n", "2\n"))
    shown = replace(GOOD, id="shown", statement="Shown.", public=GOOD.hidden[:1])
    found = faults(GOOD, constant, few, shown)
    assert {kind: ids for kind, (_, ids) in found.items()} == {
        "constant": ("constant",), "few": ("few",), "shown": ("shown",),
    }  # fmt: skip
    assert {severity for severity, _ in found.values()} == {"note"}


def test_the_same_statement_twice_and_a_repeated_id_are_found() -> None:
    assert faults(GOOD, replace(GOOD, id="twin"))["twin"] == ("note", ("twin",))
    assert faults(GOOD, GOOD)["id"][0] == "error"


@pytest.mark.parametrize(
    "name", ["LiveBench", "LiveCodeBench", "humaneval", "mbpp/prompt", "codeforces/test", "nano/heldout", "mbpp/test"]
)
def test_evaluation_sets_are_refused_as_training_data_and_as_nothing_else(name: str) -> None:
    task = problem("task", dataset=name)
    assert faults(GOOD, task, for_training=True)["never-train"] == ("error", ("task",))
    assert faults(GOOD, task) == {}


@pytest.mark.parametrize("name", ["", "CodeContests", "mbpp/train", "nano/train", "codeforces/train", "mine"])
def test_other_sets_may_be_trained_on(name: str) -> None:
    assert faults(problem("task", dataset=name), for_training=True) == {}


def prose(seed: int, words: int = 80) -> str:
    draw = random.Random(seed)
    return " ".join(draw.choice("abcdefghijklmnop") * draw.randint(1, 6) for _ in range(words))


@pytest.mark.parametrize(
    ("trained", "by"),
    [
        (problem("e"), "id"),
        (problem("t", source="set/1"), "id"),
        (problem("t", statement=f"{prose(1)}\n"), "statement"),
        (problem("t", statement=f"{prose(1)}\n\n## Input and output of the program\n\nOther words."), "statement"),
        (problem("t", ("a longer input 1\n", "x"), ("a longer input 2\n", "y"), ("z", "z")), "test inputs"),
        (problem("t", statement=f"{prose(2, 30)} {prose(1)}"), "runs of words"),
        (problem("t", statement=" ".join(prose(1).split()[:50])), "runs of words"),
    ],
)
def test_a_trained_task_that_is_evaluated_is_found_by_any_sign(trained: Problem, by: str) -> None:
    tests = (("a longer input 1\n", "1"), ("a longer input 2\n", "2"), ("a longer input 3\n", "3"))
    evaluated = problem("e", *tests, statement=prose(1), source="set/1")
    (found,) = find_overlaps([problem("other", statement=prose(3)), trained], [GOOD, evaluated])
    assert (found.trained, found.evaluated, found.by) == (trained.id, "e", by)


def test_chance_is_no_overlap() -> None:
    evaluated = [problem("e", ("1\n", "1\n"), ("2\n", "2\n"), statement=prose(1)), problem("f", statement="Add them.")]
    trained = [
        problem("same-short-inputs", ("1\n", "5\n"), ("2\n", "6\n"), statement=prose(2)),
        problem("one-run", statement=f"{prose(4)} {' '.join(prose(1).split()[:20])}"),
        problem("short", statement="Add them up."),
    ]
    assert find_overlaps(trained, evaluated) == []


def test_overlap_by_id_or_statement_is_an_error_and_by_other_signs_a_warning() -> None:
    assert faults(GOOD, evaluation=[GOOD])["overlap"][0] == "error"
    tests = (("a longer input 1\n", "1"), ("a longer input 2\n", "2"), ("3", "3"))
    pair = problem("t", *tests), problem("e", *tests)
    assert faults(pair[0], evaluation=[pair[1]])["overlap"] == ("warning", ("t = e",))


def test_the_embedded_models_own_splits_are_clean() -> None:
    splits = [load_problems(f"assets/nano/tasks/{name}.jsonl") for name in ("train", "validation", "heldout")]
    report = check_problems(splits[0], (*splits[1], *splits[2]), for_training=True)
    assert report.is_clean
    assert report.of("warning") == ()


def test_a_cut_depends_on_ids_and_seed_and_not_on_the_order() -> None:
    problems = [problem(f"p{n}") for n in range(50)]
    rest, chosen = cut(problems, 10, seed=1)
    assert (len(rest), len(chosen)) == (40, 10)
    assert {each.id for each in cut(problems[::-1], 10, seed=1)[1]} == {each.id for each in chosen}
    assert {each.id for each in cut(problems, 10, seed=2)[1]} != {each.id for each in chosen}
    without = [each for each in problems if each.id != chosen[0].id]
    assert len({each.id for each in cut(without, 10, seed=1)[1]} & {each.id for each in chosen}) == 9
    with pytest.raises(DataError, match="50 tasks cannot be cut from 50"):
        cut(problems, 50)
