"""Splits: they share nothing, and the order of tasks is a pure function of step and seed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import DataError
from engine.problems import IOExample, Problem, assert_disjoint, draw_batch


def task(task_id: str, statement: str) -> Problem:
    return Problem(task_id, statement, (), (IOExample("1", "1"),))


def test_disjoint_splits_pass_even_with_twins_inside_one() -> None:
    assert_disjoint({"train": [task("a", "one"), task("b", "one")], "heldout": [task("c", "two")], "empty": []})


def test_a_shared_id_is_refused_with_both_splits() -> None:
    with pytest.raises(DataError, match=r"'train' and 'heldout' share the task 'a'"):
        assert_disjoint({"train": [task("a", "one")], "heldout": [task("a", "two")]})


def test_a_shared_statement_is_refused_whatever_its_white_space() -> None:
    with pytest.raises(DataError, match=r"'train' and 'heldout' share a statement: 'a' and 'b'"):
        assert_disjoint({"train": [task("a", "add  two\n")], "other": [], "heldout": [task("b", "add two")]})


sizes = st.tuples(st.integers(1, 40), st.integers(1, 50))


@given(sizes, st.integers(0, 3))
def test_batches_laid_end_to_end_are_whole_passes(size: tuple[int, int], seed: int) -> None:
    n_problems, batch_size = size
    n_steps = -(-4 * n_problems // batch_size)
    drawn = [index for step in range(n_steps) for index in draw_batch(n_problems, batch_size, step, seed)]
    for start in range(0, 4 * n_problems, n_problems):
        assert sorted(drawn[start : start + n_problems]) == list(range(n_problems))


@given(sizes, st.integers(0, 200), st.integers())
def test_no_batch_holds_a_problem_twice_unless_it_must(size: tuple[int, int], step: int, seed: int) -> None:
    n_problems, batch_size = size
    batch = draw_batch(n_problems, batch_size, step, seed)
    assert len(batch) == batch_size
    if batch_size <= n_problems:
        assert len(set(batch)) == batch_size


@given(sizes, st.integers(0, 200), st.integers())
def test_a_step_is_drawn_alike_whatever_was_drawn_before(size: tuple[int, int], step: int, seed: int) -> None:
    n_problems, batch_size = size
    resumed = draw_batch(n_problems, batch_size, step, seed)
    draw_batch(n_problems, batch_size, step + 1, seed + 1)
    assert draw_batch(n_problems, batch_size, step, seed) == resumed


def test_passes_and_seeds_differ() -> None:
    passes = [draw_batch(30, 30, step, 0) for step in range(5)] + [draw_batch(30, 30, 0, 1)]
    assert all(one != other for one, other in pairwise(passes))


def test_the_order_is_fixed_for_good() -> None:
    """Never change these literals: old checkpoints must resume with the same tasks."""
    assert [draw_batch(7, 3, step, 0) for step in range(5)] == [
        (0, 3, 4),
        (1, 5, 2),
        (6, 3, 1),
        (6, 2, 0),
        (4, 5, 1),
    ]


def test_every_problem_is_drawn_first_about_equally_often() -> None:
    first = [draw_batch(5, 2, 0, seed)[0] for seed in range(1000)]
    assert all(150 < first.count(index) < 250 for index in range(5))


def test_without_problems_there_is_nothing_to_draw() -> None:
    with pytest.raises(DataError, match="no problem"):
        draw_batch(0, 4, 0, 0)


@pytest.mark.parametrize(("batch_size", "step"), [(0, 0), (4, -1)])
def test_impossible_sizes_are_a_defect_of_the_caller(batch_size: int, step: int) -> None:
    with pytest.raises(ValueError, match="batch_size"):
        draw_batch(4, batch_size, step, 0)
