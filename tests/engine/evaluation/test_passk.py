"""pass@k against counting all draws, and the gap that best of n closes."""

from __future__ import annotations

import itertools

import pytest

from engine.evaluation.passk import gap_closed, pass_at_k, sizes_of_k


@pytest.mark.parametrize("n", [1, 3, 6])
def test_pass_at_k_is_the_share_of_all_draws_with_a_correct_program(n: int) -> None:
    for correct in range(n + 1):
        programs = [number < correct for number in range(n)]
        for k in range(1, n + 1):
            draws = list(itertools.combinations(programs, k))
            assert pass_at_k(n, correct, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_is_not_the_biased_power() -> None:
    assert pass_at_k(4, 1, 2) == 0.5
    assert 1 - (1 - 1 / 4) ** 2 == 0.4375


@pytest.mark.parametrize(("n", "correct", "k"), [(4, 1, 5), (4, 5, 1), (4, 1, 0), (0, 0, 1)])
def test_more_programs_than_there_are_cannot_be_drawn(n: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="undefined"):
        pass_at_k(n, correct, k)


def test_sizes_double_up_to_n() -> None:
    assert [sizes_of_k(n) for n in (0, 1, 2, 6, 16)] == [[], [1], [1, 2], [1, 2, 4, 6], [1, 2, 4, 8, 16]]


def test_the_gap_is_closed_from_the_mean_program_to_the_ceiling() -> None:
    assert gap_closed(0.6, 0.4, 0.8) == pytest.approx(0.5)
    assert gap_closed(0.3, 0.4, 0.8) == pytest.approx(-0.25)
    assert gap_closed(0.8, 0.8, 0.8) is None
